"""Text from files and errors, made safe to print: a terminal obeys what it is sent."""


def printable(text: str) -> str:
    """The text on one line: whatever is no printable character is written as an escape.

    That goes for control sequences and for characters that turn the direction of writing.
    """
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in text)


def printable_line(text: str) -> str:
    """The same with a blank for every line break and run of blanks."""
    return printable(" ".join(text.split()))


def printable_lines(text: str) -> str:
    """The text with its line breaks, each line made printable."""
    return "\n".join(printable(line) for line in text.expandtabs().splitlines())


def shortened(text: str, most: int) -> str:
    """The text, of a long one the beginning and the end."""
    if len(text) <= most:
        return text
    half = most // 2
    return f"{text[:half]} … {text[-half:]}"
