"""What the values of fields are called wherever a person reads them: by their labels, if any."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from analysis.tables.wording import field_value_text, short_texts, value_text


@dataclass(frozen=True)
class Names:
    """The labels that a grid gives to values of its fields; others go by what they are."""

    labels: Mapping[str, Mapping[object, str]]

    def label(self, field: str, value: object) -> str | None:
        """The value's label, None where it has none."""
        return self.labels.get(field, {}).get(value)

    def text(self, field: str, value: object) -> str:
        """The value where its field is known: a row, a column, a tick."""
        return self.label(field, value) or value_text(value)

    def alone(self, field: str, value: object) -> str:
        """The value by itself; a number without a label goes with its field."""
        return self.label(field, value) or field_value_text(field, value)

    def along(self, field: str, values: Sequence[object]) -> list[str]:
        """The values as an axis has them."""
        pairs = zip(values, short_texts(values), strict=True)
        return [self.label(field, value) or text for value, text in pairs]

    def is_word(self, field: str, value: object) -> bool:
        """Whether the value is called by a name, and not by a number."""
        return isinstance(value, str) or self.label(field, value) is not None


NO_LABELS = Names({})
