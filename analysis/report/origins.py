"""Where the numbers come from: code, versions, machines, dates, time."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping

import pandas as pd

from analysis.frame.column_types import values_of
from analysis.frame.frame import task_in
from analysis.report.markup import paragraph, plain_table, section
from analysis.tables.own_changes import with_numbers
from analysis.tables.wording import value_text

UNKNOWN = "unknown"
MOST_VALUES = 8
MINUTE, HOUR = 60, 3600

Origins = Mapping[str, Counter[str]]
"""The number of trials with each value, by the kind of value."""


def origins_section(frame: pd.DataFrame) -> str:
    """Versions, devices, dates and total time of the trials that have ended."""
    ended = frame[frame["finished_at"].notna().to_numpy()].drop_duplicates("trial_id")
    parts = [paragraph("No trial has ended.")] if ended.empty else origin_parts(ended)
    return section("origins", "Where the numbers come from", parts)


def origin_parts(ended: pd.DataFrame) -> Iterator[str]:
    """A warning if versions are mixed, then all known origins; dates and time of all trials."""
    numbers = with_numbers(ended)
    # What ended a trial from outside knows neither its code nor its machine.
    origins = origins_of(ended if numbers.empty else numbers)
    mixed = [name for name, counts in origins.items() if len(counts) > 1]
    if len(origins["code version"]) > 1:
        number = len(origins["code version"])
        yield paragraph(f"Mixed: {number} versions of the code computed these numbers.", "warn")
    if others := [name for name in mixed if name != "code version"]:
        yield paragraph(f"Not the same for all trials: {', '.join(others)}.", "warn")
    rows = [(name, counts_text(counts)) for name, counts in origins.items()]
    word = "trial" if task_in(ended).is_program else "epoch"
    rows += [("dates", dates(ended)), (f"total time in {word}s", total_time(ended))]
    yield plain_table(("what", "value"), rows, label="Where the numbers come from", names=2)


def origins_of(trials: pd.DataFrame) -> dict[str, Counter[str]]:
    """The code version, and the parts of the environments."""
    versions = Counter(version or UNKNOWN for version in values_of(trials, "code_version"))
    origins: dict[str, Counter[str]] = {"code version": versions}
    texts = Counter(text or "{}" for text in values_of(trials, "environment"))
    environments = [(environment_values(text), number) for text, number in sorted(texts.items())]
    names = dict.fromkeys(name for values, _ in environments for name in values)
    for name in names:
        counts = origins.setdefault(name, Counter())
        for values, number in environments:
            counts[values.get(name, UNKNOWN)] += number
    return origins


def environment_values(text: str) -> dict[str, str]:
    """The parts of an environment as flat texts."""
    content = json.loads(text)
    packages = content.pop("packages", {})
    named = {"python": "Python", "threads": "threads per trial"}
    found = {named.get(name, name): value_text(value) for name, value in sorted(content.items())}
    return found | {name: value_text(value) for name, value in sorted(packages.items())}


def counts_text(counts: Counter[str]) -> str:
    """The only value, or each with its number of trials, the most first."""
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    if len(ordered) == 1:
        return ordered[0][0]
    text = "; ".join(f"{value} ({number} trials)" for value, number in ordered[:MOST_VALUES])
    return text + (f"; … {len(ordered) - MOST_VALUES} more" if len(ordered) > MOST_VALUES else "")


def dates(ended: pd.DataFrame) -> str:
    """The first and the last day on which a trial ended."""
    # The date is the first part of an ISO 8601 time.
    days = sorted({str(moment)[:10] for moment in ended["finished_at"]})
    return days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"


def total_time(ended: pd.DataFrame) -> str:
    """The time that all trials together spent in epochs."""
    seconds = float(ended["seconds"].sum())
    if seconds < MINUTE:
        return f"{seconds:.1f} s"
    if seconds < HOUR:
        return f"{seconds / MINUTE:.1f} min"
    return f"{seconds / HOUR:.1f} h"
