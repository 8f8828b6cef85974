"""How a trial of the user's own program starts."""

CODE: object = None
