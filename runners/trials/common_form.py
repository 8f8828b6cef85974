"""The form that the same failure has in every trial: without what differs between trials."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from adaloss.trial import Trial

LEFT_OUT = "_"
# Of a longer message only the beginning counts: of the form less, because messages whose paths
# differ in length are cut at different places.
MOST_CHARACTERS = 2000
MOST_IN_FORM = 500
# An exception's type or an exit code, which make failures different even if the rest is equal.
HEAD = re.compile(r"(?:[A-Za-z_][\w.]*|exit code \d+)(?=: |$)|sys\.exit\(.*\)")
ERRNO_NAMES = re.compile(r"(\[Errno \d+\] [^:'\"]+): (['\"]).*?\2(?: -> (['\"]).*?\3)?")
PATHS = re.compile(
    r"""
    (?P<quote>['"])(?:~?/|\.{1,2}/)[^'"]*(?P=quote)  # '/a path/with spaces'
    | (?<![\w/])(?:[A-Za-z][\w+.-]*://|~?/|\.{1,2}/)[^\s'"<>|:,;()\[\]]*[\w/]
    | [\w.=+-]+(?:/[\w.=+-]+)*/[\w.=+-]+\.[A-Za-z]\w{0,7}\b  # a/relative/path.txt
    """,
    re.VERBOSE,
)
IDS = re.compile(
    r"""
    \b(?:
    [0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}  # a UUID
    | 0x[0-9a-fA-F]+
    | (?=[a-fA-F]*[0-9])(?=[0-9]*[a-fA-F])[0-9a-fA-F]{6,}
    | (?:[A-Za-z]+[0-9]+){2,}[A-Za-z]*  # such as x3k9qz1a
    | [0-9]+(?:[A-Za-z]+[0-9]+)+[A-Za-z]*
    )\b
    """,
    re.VERBOSE,
)
NUMBERS = re.compile(
    r"""
    (?:(?<![\w.)\]])[-+])?
    (?:\d+(?:,\d{3}\b)*(?:\.\d+)*(?:[eE][-+]?\d+)?|\b(?i:nan|inf|infinity)\b)
    (?:\s?(?:[KMGT]i?B|B|bytes)\b)?
    """,
    re.VERBOSE,
)


def common_form(trial: Trial, reason: str) -> str:
    """The reason of a trial's failure, ``kind: message``, without what differs between trials.

    Two trials failed in the same way if this form of their reasons is equal. It leaves out the
    trial's own id, name and parameter values, and all paths, ids and numbers. The kind and the
    exception's type stay, so that different errors stay different.
    """
    kind, colon, message = " ".join(reason[:MOST_CHARACTERS].split()).partition(": ")
    head = HEAD.match(message)
    kept = head[0] if head and head[0] not in map(str, trial.flat_values.values()) else ""
    text = message[len(kept) :]
    for own in own_texts(trial, text):
        text = own.sub(lambda found: f"{found.groupdict().get('name') or ''}{LEFT_OUT}", text)
    text = ERRNO_NAMES.sub(rf"\1: {LEFT_OUT}", text)
    for pattern in (PATHS, IDS, NUMBERS):
        text = pattern.sub(LEFT_OUT, text)
    return f"{kind}{colon}{kept}{text}"[:MOST_IN_FORM]


def own_texts(trial: Trial, message: str) -> Iterator[re.Pattern[str]]:
    """What finds the trial's names and parameter values in this message, the longest first."""
    values = trial.flat_values
    texts = {f"{trial.readable_name}-{trial.trial_id}", trial.readable_name, trial.trial_id}
    texts.update(text for value in values.values() for text in spellings(value))
    # Most messages have none of them.
    found = (text for text in texts if text in message)
    for text in sorted(found, key=lambda text: (-len(text), text)):
        yield re.compile(rf"(?<![\w.-]){re.escape(text)}(?![\w-]|\.\w)")
    for name, value in values.items():
        last = name.rpartition(".")[2]
        is_word = value is None or isinstance(value, bool) or is_letter(value)
        # Such a value is an ordinary word: it is the parameter's only beside its name.
        if is_word and last in message:
            before, written = re.escape(last), re.escape(str(value))
            yield re.compile(rf"(?P<name>\b{before}\W{{1,4}}){written}\b", re.IGNORECASE)


def is_letter(value: Any) -> bool:
    """Whether this is a text of one character."""
    return isinstance(value, str) and len(value) == 1


def spellings(value: Any) -> Iterator[str]:
    """How messages write a value; none of a number, because all numbers are left out."""
    if isinstance(value, str) and len(value) > 1:
        yield value
    if isinstance(value, Sequence | Mapping) and not isinstance(value, str) and value:
        plain = json.loads(json.dumps(value))
        yield from (repr(value), repr(plain))
        yield from (json.dumps(plain), json.dumps(plain, separators=(",", ":")))
