"""Errors that a user can correct."""


class UserError(Exception):
    """Something that the user can correct; the message says what is wrong, where and what to do.

    The command line shows the message alone, without a traceback.
    """


class DataError(UserError):
    """A data set cannot be used; the message says which, why and what to do."""


class WeightsError(UserError):
    """Weights are missing, unreadable or another model's; the message says which and what to do."""
