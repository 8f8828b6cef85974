"""The base of errors that are the user's to mend."""


class UserError(Exception):
    """Something that the user can mend; the message says what is wrong, where and what to do.

    The command line shows the message alone, without a traceback.
    """
