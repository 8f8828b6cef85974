"""The statistics on one screen: what differs, what does not, and what could not be found out."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isnan

from analysis.stats.answer.claims import families, number_of_tests
from analysis.stats.answer.subject import Subject
from analysis.stats.distributions import ALPHA
from analysis.stats.frames.pairs import ALL_ROWS, ONE_ROW, Record
from analysis.stats.page.wording import decimals_of, fewest_and_most, interval, number, p_text
from analysis.stats.power import paired_effect
from analysis.tables.page import PlainTable, Section

DIFFERENT, ALIKE, REASONS = 5, 3, 3
"""The most lines of each section."""
NO_SUCH = "None of the tested comparisons."
EVERYTHING = "With --all: every test, robustness, aggregates, and how the numbers are computed."


@dataclass(frozen=True, kw_only=True)
class Tested:
    """A comparison with the part of the sweep that it is in."""

    part: str
    record: Record


def brief_sections(subject: Subject) -> tuple[Section, ...]:
    """The three sections, of the tests that the answer is about."""
    *scopes, level = families(subject.parts, subject.choices)
    places = {
        ALL_ROWS: f"over every {subject.row_name}",
        ONE_ROW: f"at a single {subject.row_name}",
    }
    counts = dict(zip(places, map(number_of_tests, scopes), strict=True))
    found = [
        Tested(part=part.samples.part, record=record)
        for scope in scopes
        for part, records in zip(subject.parts, scope, strict=True)
        for record in records
    ]
    tested = [one for one in found if not isnan(one.record["p"])]
    differ = [one for one in tested if one.record["p"] <= level]
    alike = [one for one in tested if one.record["p"] > level]
    several = all(counts.values())
    families_of = " and ".join(
        f"{count} {places[scope]}" if several else f"{count} tests"
        for scope, count in counts.items()
        if count
    )
    corrected = f", at {100 * level:g} % after Holm's correction for {families_of}"
    corrected *= sum(counts.values()) > 1
    levels = {places[scope]: level / count for scope, count in counts.items() if count}
    return (
        section("What differs", f"Paired differences per seed{corrected}.", differ, subject),
        section("What does not", alike_words(alike, level), alike, subject, of_alike=True),
        Section(
            title="What could not be found out",
            before=(*untested(found, len(found) - len(tested)), *smallest(tested, levels)),
            after=(EVERYTHING,),
        ),
    )


def alike_words(alike: Sequence[Tested], level: float) -> str:
    """What it means to be in the second section."""
    number = f"{len(alike)} comparison{'s' * (len(alike) != 1)}"
    # An interval is of one difference alone, so it may exclude 0 here.
    halves = f" (half of {100 * ALPHA:g} % is for the means over all rows, half for single rows)"
    return (
        f"Of {number} these seeds do not show a difference: p (Holm) is above {100 * level:g} %"
        f"{halves * (level < ALPHA)}. detectable: the true difference that would be found in 4 of "
        "5 sweeps."
    )


def section(
    title: str, explanation: str, found: list[Tested], subject: Subject, *, of_alike: bool = False
) -> Section:
    """The comparisons with the smallest p, those over all rows first."""
    if not found:
        return Section(title=title, before=(NO_SUCH,))
    most = ALIKE if of_alike else DIFFERENT
    ordered = sorted(found, key=lambda one: (one.record["scope"] == ONE_ROW, one.record["p"]))
    several = len(subject.parts) > 1
    header = ("at", "first − second", "n", "mean", "95 % t interval", "p (Holm)", "detectable")
    lines = tuple(line_of(one, subject)[not several :] for one in ordered[:most])
    rest = len(found) - most
    return Section(
        title=title,
        before=(explanation,),
        table=PlainTable(
            header=(*(" and ".join(subject.names.fields(subject.spec.per)),) * several, *header),
            rows=lines,
            names=2 + several,
        ),
        after=(f"and {rest} more",) if rest > 0 else (),
    )


def line_of(one: Tested, subject: Subject) -> tuple[str, ...]:
    """A comparison in words, after the name of its part."""
    record, decimals, spec = one.record, decimals_of(subject.measure), subject.spec
    row = record["row"]
    first, second = (subject.names.text(spec.columns, record[side]) for side in ("first", "second"))
    return (
        one.part,
        subject.names.text(spec.rows, row)
        if record["scope"] == ONE_ROW
        else f"every {subject.row_name}",
        f"{first} − {second}",
        str(record["n"]),
        number(record["mean"], decimals),
        interval(record["t_low"], record["t_high"], decimals),
        p_text(record["p"]),
        number(record["findable"], decimals),
    )


def untested(found: Sequence[Tested], number_untested: int) -> Iterator[str]:
    """Why comparisons have no test, the most frequent reasons first."""
    if not number_untested:
        return
    reasons = Counter(one.record["note"] for one in found if isnan(one.record["p"]))
    told = [f"{reason} ({count})" for reason, count in reasons.most_common(REASONS)]
    rest = len(reasons) - REASONS
    more = f"; and {rest} more reasons" if rest > 0 else ""
    yield f"{number_untested} of {len(found)} comparisons have no test: {'; '.join(told)}{more}."


def smallest(tested: Sequence[Tested], levels: Mapping[str, float]) -> Iterator[str]:
    """The differences that are too small for these seeds, at the first step of Holm."""
    for n in fewest_and_most(int(one.record["n"]) for one in tested):
        effects = " or ".join(
            f"{paired_effect(n, level):.2f}" + f" ({place})" * (len(levels) > 1)
            for place, level in levels.items()
        )
        yield (
            f"With n = {n} seeds, a true difference below {effects} standard deviations of "
            "the differences is missed more often than in 1 of 5 sweeps."
        )
