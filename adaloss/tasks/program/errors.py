"""How a user's program fails."""

from adaloss.records.result import FailureKind


class ProgramError(Exception):
    """The program failed. ``output`` has its traceback, or the end of its output."""

    def __init__(
        self, message: str, kind: FailureKind = FailureKind.CODE, output: str = ""
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.output = output


class ProgramLostError(OSError):
    """The program's process was killed from outside; the trial continues when it is retried."""
