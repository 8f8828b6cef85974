"""A console that prints text: what came from files and errors sends the terminal no command."""

from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from adaloss.records.printable import printable


class SafeConsole(Console):
    """rich's console; whatever character of a text is not printable is written as an escape."""

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """The segments to print; rich's own control codes are no text and stay."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else safe(segment)


def safe(segment: Segment) -> Segment:
    """The segment, its line breaks kept."""
    if segment.text.isprintable():
        return segment
    text = "\n".join(map(printable, segment.text.split("\n")))
    return Segment(text, segment.style)
