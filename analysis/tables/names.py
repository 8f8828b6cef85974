"""The names of fields and of their values for readers: their labels, if there are any."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from adaloss.grid.tables.labels import Labels
from analysis.tables.wording import field_value_text, short_texts, value_text


@dataclass(frozen=True)
class Names:
    """The labels that a grid defines for its fields and their values; others are shown as text."""

    labels: Labels

    def field(self, name: str) -> str:
        """The field's label, its own name without one."""
        return self.labels.fields.get(name, name)

    def fields(self, names: Iterable[str]) -> tuple[str, ...]:
        """The labels of fields."""
        return tuple(map(self.field, names))

    @property
    def of_values(self) -> "Names":
        """The same labels of values, and every field under its own name: for names of files."""
        return Names(replace(self.labels, fields={}))

    def label(self, field: str, value: object) -> str | None:
        """The value's label, None without one."""
        return self.labels.values.get(field, {}).get(value)

    def text(self, field: str, value: object) -> str:
        """The value's text where the field is clear: in a row, a column, a tick."""
        return self.label(field, value) or value_text(value)

    def alone(self, field: str, value: object) -> str:
        """The value's text on its own; a number without a label includes its field."""
        return self.label(field, value) or field_value_text(self.field(field), value)

    def along(self, field: str, values: Sequence[object]) -> list[str]:
        """The values' texts on an axis."""
        pairs = zip(values, short_texts(values), strict=True)
        return [self.label(field, value) or text for value, text in pairs]

    def is_word(self, field: str, value: object) -> bool:
        """Whether the value is shown as a name, not as a number."""
        return isinstance(value, str) or self.label(field, value) is not None


NO_LABELS = Names(Labels())
