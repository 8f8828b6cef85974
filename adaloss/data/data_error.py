"""The error of a data set, which is named without importing torch."""

from adaloss.user_error import UserError


class DataError(UserError):
    """A data set cannot be used; the message says which, why and what to do."""
