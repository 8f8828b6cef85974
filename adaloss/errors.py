"""Errors that a user can correct, and the loss of a GPU."""


class UserError(Exception):
    """A mistake that the user can correct. The message says what is wrong, where and what to do.

    The command line and notebooks print only the message, without a traceback.
    """

    def _render_traceback_(self) -> list[str]:
        """What a notebook prints: IPython calls this."""
        return [f"{type(self).__name__}: {self}"]


class DataError(UserError):
    """A data set cannot be used. The message says which one, why and what to do."""


class WeightsError(UserError):
    """Weights are missing, unreadable or another model's. The message says which and what to do."""


class GpuLostError(OSError):
    """After an error on the GPU this process can no longer use it; another one can."""
