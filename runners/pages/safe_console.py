"""A console for text from files and errors, which cannot send commands to the terminal."""

from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from adaloss.records.printable import printable


class SafeConsole(Console):
    """rich's console, with characters that are not printable written as escapes."""

    def say(self, line: str) -> None:
        """Print a line as it is, whatever the width of the terminal."""
        self.print(line, markup=False, highlight=False, soft_wrap=True)

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """The segments to print; rich's own control codes are kept."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else safe(segment)


def safe(segment: Segment) -> Segment:
    """The segment with escapes; line breaks are kept."""
    if segment.text.isprintable():
        return segment
    text = "\n".join(map(printable, segment.text.split("\n")))
    return Segment(text, segment.style)
