"""Errors that a user can correct."""


class UserError(Exception):
    """A mistake that the user can correct. The message says what is wrong, where and what to do.

    The command line prints only the message, without a traceback.
    """


class DataError(UserError):
    """A data set cannot be used. The message says which one, why and what to do."""


class WeightsError(UserError):
    """Weights are missing, unreadable or another model's. The message says which and what to do."""
