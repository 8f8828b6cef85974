"""Make text from files and errors safe to print: a terminal executes control sequences."""


def printable(text: str) -> str:
    """The text on one line, with every character that is not printable written as an escape.

    Control sequences and characters that change the direction of writing are not printable.
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


def printable_line(text: str) -> str:
    """The printable text on one line, with each run of white space replaced by one space."""
    return printable(" ".join(text.split()))


def printable_lines(text: str) -> str:
    """The text with each line made printable. Line breaks are kept."""
    return "\n".join(printable(line) for line in text.expandtabs().splitlines())


def shortened(text: str, most: int) -> str:
    """The text, or the beginning and the end of a text of more than ``most`` characters."""
    if len(text) <= most:
        return text
    half = most // 2
    return f"{text[:half]} … {text[-half:]}"
