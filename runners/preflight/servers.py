"""Ask servers whether they answer, within a time limit for all of them together."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http.client import HTTPException
from threading import Thread
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from runners.preflight.finding import Finding, fine, warning

SECONDS = 2.0


@dataclass(frozen=True, kw_only=True)
class Question:
    """A request to a server: a HEAD request, or a POST request with ``body`` as JSON.

    ``headers`` may contain secrets: they are not shown, and are not sent to redirected servers.
    """

    what: str
    url: str
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The status and body of an answer; without one, ``status`` is None and ``why`` a reason."""

    status: int | None
    body: bytes = b""
    why: str = ""


def answers(questions: Sequence[Question], seconds: float = SECONDS) -> list[Answer]:
    """Ask all servers at once, and wait this many seconds for all of them together."""
    late = Answer(status=None, why=f"no answer within {seconds:g} s")
    found = [late] * len(questions)

    def ask(position: int, question: Question) -> None:
        found[position] = answer(question, seconds)

    # A name lookup cannot be limited in time: its thread is abandoned.
    threads = [Thread(target=ask, args=numbered, daemon=True) for numbered in enumerate(questions)]
    deadline = time.monotonic() + seconds
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    return list(found)


def reachable(questions: Sequence[Question], seconds: float = SECONDS) -> list[Finding]:
    """One finding for each server, with everything that the sweep needs from it."""
    purposes: dict[str, list[str]] = {}
    for question in questions:
        purposes.setdefault(question.url, []).append(question.what)
    distinct = [Question(what=", ".join(what), url=url) for url, what in purposes.items()]
    found = zip(distinct, answers(distinct, seconds), strict=True)
    return [network_finding(question, received) for question, received in found]


def network_finding(question: Question, received: Answer) -> Finding:
    """Whether the server from which missing files are downloaded answers."""
    if received.status is not None:
        return fine("network", f"{question.url} answers, for {question.what}")
    return warning(
        "network",
        f"{question.url} does not answer ({received.why}); the sweep needs it for: {question.what}",
        "connect this machine, or copy the files from another; `adaloss-sweep run` says where to",
    )


MOST_BYTES = 100_000


def answer(question: Question, seconds: float) -> Answer:
    """Ask one server; an error status counts as an answer."""
    try:
        method = "HEAD" if question.body is None else "POST"
        request = Request(question.url, data=question.body, method=method)
        for name, value in question.headers.items():
            request.add_unredirected_header(name, value)
        with urlopen(request, timeout=seconds) as response:
            return Answer(status=response.status, body=response.read(MOST_BYTES))
    except HTTPError as error:
        with error:
            return Answer(status=error.code)
    except (OSError, ValueError, HTTPException) as error:
        return Answer(status=None, why=one_line(error))


def one_line(error: Exception) -> str:
    """Why there is no answer."""
    # The first argument of urllib's own error is the underlying error.
    reason = error.args[0] if error.args and isinstance(error.args[0], OSError) else error
    words = (reason.strerror if isinstance(reason, OSError) else None) or str(reason)
    return words.splitlines()[0] if words else type(reason).__name__
