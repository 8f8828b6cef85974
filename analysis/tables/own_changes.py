"""Detect and report numbers from several versions of the user's own code or data."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

import pandas as pd

from adaloss.own_code.fingerprints import difference, for_comparison
from adaloss.records.places import Places
from adaloss.records.result import Digest, TrialState
from adaloss.tasks.fingerprints import digest_now, is_of_this, own_values
from analysis.frame.column_types import values_of
from analysis.tables.names import NO_LABELS, Names

OWN_FIELDS = ("model", "dataset", "pretrained", "optimizer", "program")
NOW = "fingerprint_now"
"""The column with the current digests of the trials' own code and data, as in ``fingerprint``."""
MIXED_SIGN = "†"
UNKNOWN = ""
WITH_NUMBERS = (TrialState.COMPLETE.value, TrialState.DIVERGED.value)


def with_what_is_now(frame: pd.DataFrame, places: Places) -> pd.DataFrame:
    """The frame with the column :data:`NOW`, if its results have fingerprints.

    A fingerprint of another file than the trial's program is left out.
    """
    if not any(recorded(frame)):
        return frame
    known: dict[tuple[str, str], Any] = {}
    texts: list[str | None] = []
    of_others: set[int] = set()
    for row, (values, text) in enumerate(zip(own_columns(frame), recorded(frame), strict=True)):
        now = {}
        for field, name in own_values(values).items():
            if (field, name) not in known:
                known[field, name] = digest_now(field, name, places)
            old = parsed(text).get(field)
            current = known[field, name]
            if old is not None and not is_of_this(field, name, old, current):
                old = None
                of_others.add(row)
            current = for_comparison(old, current, places) if old is not None else current
            if current is not None:
                now[field] = current
        texts.append(json.dumps(now, sort_keys=True) if now else None)
    if of_others:
        kept = enumerate(values_of(frame, "fingerprint"))
        known_ones = [None if row in of_others else text for row, text in kept]
        frame = frame.assign(fingerprint=pd.Series(known_ones, dtype="object"))
    return frame.assign(**{NOW: pd.Series(texts, dtype="object")})


def with_numbers(trials: pd.DataFrame) -> pd.DataFrame:
    """The trials that tables show something of: a failed one may not even know its machine."""
    return trials[trials["state"].isin(WITH_NUMBERS)]


def own_columns(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The fields of each row that may name the user's own code or files."""
    names = [name for name in ("task", *OWN_FIELDS) if name in frame]
    columns = [values_of(frame, name) for name in names]
    return [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]


def is_mixed(fingerprints: Iterable[str | None]) -> bool:
    """Whether averaged results were computed with several versions of code or data.

    An unrecorded version counts as different from all recorded ones.
    """
    texts = {text for text in fingerprints if text is not None}
    if UNKNOWN in texts:
        return len(texts) > 1
    return any(versions(map(parsed, texts), field) > 1 for field in OWN_FIELDS)


def versions(fingerprints: Iterable[Mapping[str, Any]], field: str) -> int:
    """The largest number of versions of a file among these digests."""
    seen: dict[str, set[str]] = {}
    for fingerprint in fingerprints:
        digest = fingerprint.get(field)
        files = digest if isinstance(digest, dict) else {"": digest} if digest else {}
        for name, text in files.items():
            seen.setdefault(name, set()).add(text)
    return max(map(len, seen.values()), default=0)


def recorded(frame: pd.DataFrame) -> list[str | None]:
    """The fingerprint of each row's result as JSON, UNKNOWN without one; None without a number."""
    if "fingerprint" not in frame:
        return [None] * len(frame)
    rows = zip(values_of(frame, "fingerprint"), values_of(frame, "state"), strict=True)
    return [text or UNKNOWN if state in WITH_NUMBERS else None for text, state in rows]


def any_mixed(trials: pd.DataFrame) -> bool:
    """Whether results of one model, data set or weights were computed with several versions."""
    return any(note.startswith("Mixes ") for note in own_notes(trials, some_mixed=False))


def own_notes(trials: pd.DataFrame, *, some_mixed: bool, names: Names = NO_LABELS) -> Iterator[str]:
    """The sentences on mixed versions for a caption; none if there is one version."""
    if some_mixed:
        yield (
            f"{MIXED_SIGN}: computed with several versions of the code or data named here; "
            "it is not the result of any of them."
        )
    finished = with_numbers(trials)
    before = [parsed(text) for text in recorded(finished)]
    now = [parsed(text) for text in (values_of(finished, NOW) if NOW in finished else ())]
    own = [own_values(values) for values in own_columns(finished)]
    for field in OWN_FIELDS:
        for name in dict.fromkeys(named[field] for named in own if field in named):
            rows = [row for row, named in enumerate(own) if named.get(field) == name]
            current = [now[row] for row in rows] if now else [{}] * len(rows)
            what = f"{names.field(field)} {name}"
            yield from notes_on(what, field, [before[row] for row in rows], current)


def notes_on(
    what: str, field: str, before: Sequence[Mapping[str, Any]], now: Sequence[Mapping[str, Any]]
) -> Iterator[str]:
    """The sentences on one model, data set or file of weights."""
    if (several := versions(before, field)) > 1:
        yield f"Mixes {several} versions of {what}."
    pairs = zip(before, now, strict=True)
    changed = sum(is_another(old.get(field), new.get(field)) for old, new in pairs)
    if changed:
        number = share(changed, len(before))
        yield f"{number} computed with another version of {what} than the current one."
    if missing := sum(field not in fingerprint for fingerprint in before):
        number = share(missing, len(before))
        yield f"{number} computed with an unrecorded version of {what}."


def is_another(old: Digest | None, new: Digest | None) -> bool:
    """Whether two known digests differ."""
    return old is not None and new is not None and bool(difference(old, new))


def share(part: int, whole: int) -> str:
    """The number of results, as the start of a sentence."""
    if part == whole:
        return f"All {whole} results were"
    return f"{part} of {whole} results {'was' if part == 1 else 'were'}"


@lru_cache(maxsize=1024)
def parsed(text: str | None) -> dict[str, Any]:
    """A fingerprint's digests by field."""
    found: dict[str, Any] = json.loads(text) if text else {}
    return found
