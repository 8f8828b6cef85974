"""The answer of a sweep: what its statistics say, in at most six sentences."""

from collections.abc import Iterator, Sequence
from math import isnan

from adaloss.grid.tables.at import LAST
from analysis.stats.answer.claims import Claims, Difference, Ranking, claims_of
from analysis.stats.answer.endings import endings
from analysis.stats.answer.rows import best_row_sentence, have_one_column
from analysis.stats.answer.subject import Subject, number, sentence
from analysis.stats.answer.tuning import tuning_sentence
from analysis.stats.answer.width import width_sentence
from analysis.stats.page.wording import p_text
from analysis.stats.robustness import is_accuracy

MOST_COLUMNS = 4
WHOLE = 100.0
"""No two percentages differ by more."""


def answer(subject: Subject) -> tuple[str, ...]:
    """The sentences; the same statistics give the same text.

    That a column is worse than the best is said only where Holm's tests over all parts allow it
    (:func:`claims_of`); everything else describes the recorded trials.
    """
    found = [
        *(best_sentences(subject) if subject.measure.goal else ()),
        endings(subject.frame, subject.whole, subject.spec, subject.measure, subject.names),
        width_sentence(subject.parts, subject.along, subject.spec, subject.measure, subject.names),
        tuning_sentence(
            subject.frame, subject.spec, subject.measure, subject.choices, subject.names
        ),
    ]
    return tuple(filter(None, found))


def best_sentences(subject: Subject) -> Iterator[str | None]:
    """Which column is best; of a table with one column, which row."""
    if have_one_column(subject):
        yield best_row_sentence(subject)
    else:
        yield from claim_sentences(claims_of(subject.parts, subject.choices), subject)


def claim_sentences(claims: Claims, subject: Subject) -> Iterator[str]:
    """Which is best and what is not distinguished from it; what is worse; what is worse where."""
    measure, rows = subject.measure, subject.row_name
    several = any(len(part.samples.rows) > 1 for part in subject.parts)
    over = f" over every {rows}" if several else ""
    at = "" if measure.at == LAST else f" {measure.when}"
    ranked = claims.rankings
    if not ranked:
        return
    best = [leader_clause(ranking, claims.tests, subject) for ranking in ranked]
    yield sentence(f"Best mean {measure.label}{at}{over}", named(best, ranked))
    if worse := [ranking for ranking in ranked if ranking.worse]:
        clauses = [listed(ranking.worse, subject) for ranking in worse]
        yield sentence(f"Worse than it{over}{corrected(claims.tests)}", named(clauses, worse))
    if there := [ranking for ranking in ranked if ranking.at_rows]:
        clauses = [at_rows(ranking, subject) for ranking in there]
        after = corrected(claims.row_tests)
        yield sentence(f"Worse than the best of a single {rows}{after}", named(clauses, there))


def corrected(tests: int) -> str:
    """Of how many tests the p values are corrected."""
    return f", after Holm's correction for {tests} tests" if tests > 1 else ""


def named(clauses: Sequence[str], rankings: Sequence[Ranking]) -> list[tuple[str, str]]:
    """The clauses, each with the name of its part."""
    return [(one.samples.part, text) for text, one in zip(clauses, rankings, strict=True)]


def leader_clause(ranking: Ranking, tests: int, subject: Subject) -> str:
    """Which column is best, and what the seeds do not distinguish from it."""
    best = f"{name_of(ranking.best, subject)} {number(ranking.mean, subject)}"
    tested = [one for one in ranking.equals if not isnan(one.p)]
    parts = []
    if ranking.better:
        beaten = f"worse than {listed(ranking.better, subject)}"
        parts.append(f"{beaten} over every {subject.row_name} that both have")
    if tested:
        power = power_words(tested, ranking.mean, tests, subject)
        parts.append(f"not distinguishable from it by {power}: {nearest(tested, subject)}")
    untested: dict[str, list[Difference]] = {}
    for one in ranking.equals:
        if isnan(one.p):
            untested.setdefault(one.reason, []).append(one)
    parts += [
        f"not tested ({reason.removesuffix(': no test')}): {nearest(found, subject)}"
        for reason, found in untested.items()
    ]
    if ranking.lacking:
        names = [name_of(column, subject) for column in ranking.lacking]
        more = f" and {len(names) - MOST_COLUMNS} more" if len(names) > MOST_COLUMNS else ""
        parts.append(f"without a mean to compare: {', '.join(names[:MOST_COLUMNS])}{more}")
    if ranking.worse and not parts:
        parts = ["every other is worse"]
    return f"{best} ({'; '.join(parts)})" if parts else best


def nearest(found: Sequence[Difference], subject: Subject) -> str:
    """The columns with their differences from the best, the smallest first."""
    ordered = sorted(found, key=lambda one: abs(one.amount))
    names = ", ".join(
        f"{name_of(one.column, subject)} by {number(one.amount, subject)}"
        for one in ordered[:MOST_COLUMNS]
    )
    if len(ordered) > MOST_COLUMNS:
        most = number(abs(ordered[-1].amount), subject)
        names += f" and {len(ordered) - MOST_COLUMNS} more by up to {most}"
    return names


def power_words(found: Sequence[Difference], mean: float, tests: int, subject: Subject) -> str:
    """The number of seeds, and which true difference they would find."""
    seeds = "/".join(map(str, sorted({one.n for one in found})))
    known = [one.findable for one in found]
    most = WHOLE if is_accuracy(subject.measure) else 10 * abs(mean)
    if min(known) > most:
        return f"n = {seeds}, too few for {tests} tests"
    low, high = min(known), max(known)
    by = f"at least {span(low, low, subject)}" if high > most else span(low, high, subject)
    return f"n = {seeds}, which finds a true difference of {by} in 4 of 5 sweeps"


def name_of(column: object, subject: Subject) -> str:
    """A column's name."""
    return subject.names.alone(subject.spec.columns, column)


def span(low: float, high: float, subject: Subject) -> str:
    """``0.20 to 1.50 points``, or one of them if they read the same."""
    first, last = number(low, subject), number(high, subject)
    return f"{first if first == last else f'{first} to {last}'}{unit_of(subject)}"


def unit_of(subject: Subject) -> str:
    """`` points`` for differences of percentages, `` epochs`` for what a target takes."""
    measure = subject.measure
    if is_accuracy(measure):
        return " points"
    costs = {"epoch": f" {measure.epoch_word}s", "step": " steps", "seconds": " s"}
    return costs.get(measure.metric, "") if measure.reach is not None else ""


def listed(found: Sequence[Difference], subject: Subject) -> str:
    """The columns with their differences, the largest first."""
    texts = []
    for one in sorted(found, key=lambda one: -abs(one.amount))[:MOST_COLUMNS]:
        by = span(abs(one.amount), abs(one.amount), subject)
        p = f"p = {p_text(one.p)}".replace("= <", "< ")
        texts.append(f"{name_of(one.column, subject)} by {by} ({p})")
    more = f" and {len(found) - MOST_COLUMNS} more" if len(found) > MOST_COLUMNS else ""
    return ", ".join(texts) + more


def at_rows(ranking: Ranking, subject: Subject) -> str:
    """Where each column is worse than the best of the row, by how much at most."""
    by_column: dict[object, list[Difference]] = {}
    for one in ranking.at_rows:
        by_column.setdefault(one.column, []).append(one)
    worst = sorted(by_column.items(), key=lambda item: -max(one.amount for one in item[1]))
    texts = []
    for column, found in worst[:MOST_COLUMNS]:
        rows = ", ".join(subject.names.text(subject.spec.rows, one.row) for one in found)
        amounts = [one.amount for one in found]
        by = span(min(amounts), max(amounts), subject)
        texts.append(f"{name_of(column, subject)} at {rows} by {by}")
    more = f" and {len(worst) - MOST_COLUMNS} more" if len(worst) > MOST_COLUMNS else ""
    return ", ".join(texts) + more
