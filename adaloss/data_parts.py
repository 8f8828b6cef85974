"""The parts of a data set, and the error of one that cannot be used; imports no torch."""

from adaloss.user_error import UserError

# What a data set says of an example: to be split, or given as validation or test.
TRAIN, VALIDATION, TEST = 0, 1, 2


class DataError(UserError):
    """A data set cannot be used; the message says which, why and what to do."""
