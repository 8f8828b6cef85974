"""The error of weights that a trial cannot start from."""

from adaloss.user_error import UserError


class WeightsError(UserError):
    """Weights are missing, unreadable or another model's; the message says which and what to do."""
