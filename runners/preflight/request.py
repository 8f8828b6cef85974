"""One request to a server, which need not answer."""

from http.client import HTTPException
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from runners.preflight.ask import Answer, Question

MOST_BYTES = 100_000


def answer(question: Question, seconds: float) -> Answer:
    """Ask one server; any answer of it, an error's too, is one."""
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
    # The first argument of urllib's own error is the error that counts.
    reason = error.args[0] if error.args and isinstance(error.args[0], OSError) else error
    words = (reason.strerror if isinstance(reason, OSError) else None) or str(reason)
    return words.splitlines()[0] if words else type(reason).__name__
