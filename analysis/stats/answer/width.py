"""How robust the columns are along an axis, in a sentence: the decades near their own best."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import compress
from math import isnan
from typing import Any

from adaloss.grid.tables.spec import TableSpec
from analysis.stats.frames.frames import ROBUSTNESS, PartStatistics
from analysis.stats.frames.robustness import AT_LEAST, WIDTH
from analysis.stats.robustness import near_words
from analysis.stats.samples import Samples
from analysis.tables.measure import Measure
from analysis.tables.names import Names
from analysis.tables.wording import Decimals, number_text

MOST_PARTS = 3
MOST_COLUMNS = 4
FEWEST_ROWS = 3


def width_sentence(
    parts: Sequence[PartStatistics],
    along: Sequence[tuple[str, Sequence[PartStatistics]]],
    spec: TableSpec,
    measure: Measure,
    names: Names,
) -> str | None:
    """The widths along the first axis of numbers: the rows, else a tuned field; None without."""
    for field, of_field in ((spec.rows, parts), *along):
        texts = [
            (part.samples.part, text)
            for part in of_field
            if len(part.samples.rows) >= FEWEST_ROWS
            and len(part.samples.columns) > 1
            and (text := widths(part, spec, names))
        ]
        if texts:
            named = [f"{part}: {text}" if part else text for part, text in texts[:MOST_PARTS]]
            rest = len(texts) - MOST_PARTS
            more = f"; {rest} more in the statistics" if rest > 0 else ""
            near = f"near the own best (within {near_words(measure)})"
            return f"Decades of {names.field(field)} {near}: {'; '.join(named)}{more}."
    return None


def widths(part: PartStatistics, spec: TableSpec, names: Names) -> str:
    """The widths of the columns of a part, the widest first, then the narrowest.

    Of a column with a cell that has not ended, or failed, the width is not known.
    """
    whole = set(compress(part.samples.columns, have_ended(part.samples)))
    frame = part.frames[ROBUSTNESS]
    records = frame[frame["statistic"] == WIDTH].to_dict("records") if len(frame) else []
    known = sorted(
        (record for record in records if not isnan(record["value"]) and record["column"] in whole),
        key=lambda record: -record["value"],
    )
    # Of many columns, the most and the least robust.
    shown = known if len(known) <= MOST_COLUMNS else [*known[: MOST_COLUMNS - 1], known[-1]]
    left_out = len(known) - len(shown)
    texts = list(width_texts(shown, spec, names))
    if left_out:
        texts.insert(-1, f"{left_out} {'other' if left_out == 1 else 'others'} between")
    return ", ".join(texts)


def have_ended(samples: Samples) -> Iterator[bool]:
    """Of each column, whether all of its declared cells have a mean or diverged."""
    for column in ~samples.declared | samples.has_mean | samples.not_available:
        yield bool(column.all())


def width_texts(
    records: Sequence[Mapping[Any, Any]], spec: TableSpec, names: Names
) -> Iterator[str]:
    """``adaloss at least 4.0``."""
    for record in records:
        least = "at least " if AT_LEAST in str(record["note"]) else ""
        width = number_text(float(record["value"]), Decimals(1))
        yield f"{names.alone(spec.columns, record['column'])} {least}{width}"
