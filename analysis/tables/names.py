"""The names of fields' values for readers: their labels, if there are any."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from analysis.tables.wording import field_value_text, short_texts, value_text


@dataclass(frozen=True)
class Names:
    """The labels that a grid defines for values of its fields; other values are shown as text."""

    labels: Mapping[str, Mapping[object, str]]

    def label(self, field: str, value: object) -> str | None:
        """The value's label, None without one."""
        return self.labels.get(field, {}).get(value)

    def text(self, field: str, value: object) -> str:
        """The value's text where the field is clear: in a row, a column, a tick."""
        return self.label(field, value) or value_text(value)

    def alone(self, field: str, value: object) -> str:
        """The value's text on its own; a number without a label includes its field."""
        return self.label(field, value) or field_value_text(field, value)

    def along(self, field: str, values: Sequence[object]) -> list[str]:
        """The values' texts on an axis."""
        pairs = zip(values, short_texts(values), strict=True)
        return [self.label(field, value) or text for value, text in pairs]

    def is_word(self, field: str, value: object) -> bool:
        """Whether the value is shown as a name, not as a number."""
        return isinstance(value, str) or self.label(field, value) is not None


NO_LABELS = Names({})
