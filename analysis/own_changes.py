"""Tables whose numbers come from several versions of the user's own code or data say so."""

import json
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any

import pandas as pd

from adaloss.fingerprints import digest_now, own_values
from adaloss.places import Places
from adaloss.result import TrialState
from analysis.column_types import values_of

OWN_FIELDS = ("model", "dataset", "pretrained")
NOW = "fingerprint_now"
"""The column of what the trials' own code and data are now, as JSON like ``fingerprint``."""
MIXED_SIGN = "†"
WITH_NUMBERS = (TrialState.COMPLETE.value, TrialState.DIVERGED.value)


def with_what_is_now(frame: pd.DataFrame, places: Places) -> pd.DataFrame:
    """The frame with the column :data:`NOW`, where its results record anything to compare with."""
    if not any(recorded(frame)):
        return frame
    known: dict[tuple[str, str], Any] = {}
    texts = []
    for values in zip(*(values_of(frame, name) for name in OWN_FIELDS), strict=True):
        now = {}
        for own in own_values(*values).items():
            if own not in known:
                known[own] = digest_now(*own, places)
            if known[own] is not None:
                now[own[0]] = known[own]
        texts.append(json.dumps(now, sort_keys=True) if now else None)
    return frame.assign(**{NOW: pd.Series(texts, dtype="object")})


def is_mixed(fingerprints: Iterable[str | None]) -> bool:
    """Whether results that are averaged were computed with several versions of something."""
    return len({text for text in fingerprints if text is not None}) > 1


def recorded(frame: pd.DataFrame) -> list[str | None]:
    """The fingerprint of each row's result as JSON; None where there is no number or none of it."""
    if "fingerprint" not in frame:
        return [None] * len(frame)
    rows = zip(values_of(frame, "fingerprint"), values_of(frame, "state"), strict=True)
    return [text if state in WITH_NUMBERS else None for text, state in rows]


def own_notes(trials: pd.DataFrame, *, some_mixed: bool) -> Iterator[str]:
    """What a reader has to know of the versions behind the numbers; nothing where all is one."""
    if some_mixed:
        yield (
            f"{MIXED_SIGN}: computed with several versions of the code or data named here, so not "
            "the result of any."
        )
    finished = trials[trials["state"].isin(WITH_NUMBERS)]
    before = [parsed(text) for text in recorded(finished)]
    now = [parsed(text) for text in (values_of(finished, NOW) if NOW in finished else ())]
    columns = zip(*(values_of(finished, name) for name in OWN_FIELDS), strict=True)
    own = [own_values(*values) for values in columns]
    for field in OWN_FIELDS:
        for name in dict.fromkeys(named[field] for named in own if field in named):
            rows = [row for row, named in enumerate(own) if named.get(field) == name]
            digests = [json.dumps(before[row].get(field)) for row in rows]
            is_now = [json.dumps(now[row].get(field)) for row in rows] if now else digests
            yield from notes_on(f"{field} {name}", digests, is_now)


def notes_on(what: str, digests: Sequence[str], now: Sequence[str]) -> Iterator[str]:
    """The sentences on one model, data set or file of weights."""
    unknown = json.dumps(None)
    versions = set(digests) - {unknown}
    if len(versions) > 1:
        yield f"Mixes {len(versions)} versions of {what}."
    pairs = list(zip(digests, now, strict=True))
    changed = sum(old != new and unknown not in (old, new) for old, new in pairs)
    if changed:
        number = share(changed, len(digests))
        yield f"{number} computed with another version of {what} than is here now."
    if missing := digests.count(unknown):
        number = share(missing, len(digests))
        yield f"{number} computed with a version of {what} that is not on record."


def share(part: int, whole: int) -> str:
    """How many of the results, to begin a sentence."""
    if part == whole:
        return f"All {whole} results were"
    return f"{part} of {whole} results {'was' if part == 1 else 'were'}"


@lru_cache(maxsize=1024)
def parsed(text: str | None) -> dict[str, Any]:
    """A fingerprint's digests by field."""
    found: dict[str, Any] = json.loads(text) if text else {}
    return found
