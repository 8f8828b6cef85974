"""Read YAML 1.2 as a tree of nodes with their lines.

ruamel.yaml parses the structure. Tags are refused, and so are files that nest so deeply or expand
to so many values that they are an attack.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.events import (
    AliasEvent,
    CollectionStartEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)
from ruamel.yaml.reader import ReaderError

from adaloss.grid.mistakes.problems import LONGEST_NAME, KeyPath, Problem, dotted, quoted
from adaloss.grid.reading.scalars import ScalarValue, plain_scalar
from adaloss.records.printable import shortened

# Octal numbers in YAML 1.1. Longer ones exceed the range of every field.
OCTAL = re.compile(r"[-+]?0[0-7]{1,100}")
MAX_DEPTH = 20
MAX_VALUES = 100_000


@dataclass(frozen=True)
class Scalar:
    """A single value. ``is_plain`` says that it is written without quotes."""

    value: ScalarValue
    line: int
    is_plain: bool = False


@dataclass(frozen=True)
class Sequence:
    """A list of nodes."""

    items: tuple["Node", ...]
    line: int


@dataclass(frozen=True)
class Entry:
    """The line of a key in a mapping, and its value."""

    line: int
    value: "Node"


@dataclass(frozen=True)
class Mapping:
    """Keys and values in the order of the file. Merge keys are already merged."""

    entries: dict[str, Entry]
    line: int


Node = Scalar | Sequence | Mapping


class UnreadableYamlError(Exception):
    """The text is not YAML, or not YAML that a grid may have."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line
        self.message = message


def read_yaml(text: str) -> tuple[Node | None, list[Problem]]:
    """The document's tree (None if it is empty), and the problems that leave it readable.

    Raises:
        UnreadableYamlError: the text cannot be read as a tree.
    """
    reader = NodeReader(text)
    try:
        return reader.document(), reader.problems
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        # If something is missing at the end, report the last line, not the line after it.
        line = min(mark.line + 1, len(text.splitlines())) if mark else reader.line
        raise UnreadableYamlError(line, f"not valid YAML: {reason(error)}") from error
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        message = f"not valid YAML: the character #x{error.character:04x} is not allowed"
        raise UnreadableYamlError(line, message) from error
    except (ValueError, OverflowError) as error:
        # ruamel.yaml does not catch the errors of chr() for an escape such as "\UFFFFFFFF".
        raise UnreadableYamlError(reader.line, "not valid YAML: invalid escape") from error


def reason(error: MarkedYAMLError) -> str:
    """The message of ruamel.yaml's error, on one line."""
    text = " ".join(" ".join(filter(None, (error.context, error.problem))).split())
    return f"{text}; write spaces for tabs" if r"'\t'" in text else text


class NodeReader:
    """Recursive descent over the parser's events. ``line`` is the line of the last event."""

    def __init__(self, text: str) -> None:
        self.events: Iterator[Event] = YAML(typ="safe", pure=True).parse(text)
        self.anchors: dict[str, Node] = {}
        self.problems: list[Problem] = []
        self.merged = 0
        self.line = 1

    def next_event(self) -> Event:
        """Advance by one event."""
        event = next(self.events)
        self.line = event.start_mark.line + 1
        return event

    def document(self) -> Node | None:
        """The only document of the stream."""
        root: Node | None = None
        while not isinstance(event := self.next_event(), StreamEndEvent):
            if isinstance(event, DocumentStartEvent) and root is not None:
                raise UnreadableYamlError(
                    self.line, "a second document (after ---); a grid file holds one"
                )
            if isinstance(event, DocumentStartEvent):
                root = self.node(self.next_event(), ())
        return root

    def node(self, event: Event, path: KeyPath) -> Node:
        """The node that starts with ``event``."""
        if len(path) > MAX_DEPTH:
            raise UnreadableYamlError(self.line, f"nested more than {MAX_DEPTH} levels deep")
        if isinstance(event, AliasEvent):
            return self.aliased(event)
        # No other event starts a node.
        assert isinstance(event, ScalarEvent | CollectionStartEvent)
        line = self.line
        self.refuse_tag(event, path)
        self.refuse_leading_zero(event, path)
        node: Node
        if isinstance(event, ScalarEvent):
            node = Scalar(self.scalar_value(event), line, is_plain=event.style is None)
        elif isinstance(event, SequenceStartEvent):
            node = Sequence(self.items(path), line)
        else:
            node = Mapping(self.entries(path), line)
        if event.anchor is not None:
            self.anchors[event.anchor] = node
        return node

    def aliased(self, event: AliasEvent) -> Node:
        """The node that an alias refers to. A scalar gets the line of the alias."""
        node = self.anchors.get(event.anchor)
        if node is None:
            raise UnreadableYamlError(
                self.line,
                f"not valid YAML: *{shortened(event.anchor, LONGEST_NAME)} has no anchor above it",
            )
        return replace(node, line=self.line) if isinstance(node, Scalar) else node

    def refuse_tag(self, event: ScalarEvent | CollectionStartEvent, path: KeyPath) -> None:
        """Report a tag: tags can create arbitrary objects, and a grid needs none."""
        if event.tag is not None:
            tag = event.tag.replace("tag:yaml.org,2002:", "!!")
            message = f"YAML tags are not allowed in a grid; remove {tag}"
            self.problems.append(Problem(self.line, dotted(path), message))

    def refuse_leading_zero(self, event: Event, path: KeyPath) -> None:
        """Report a number such as ``010``: ten in YAML 1.2, eight in YAML 1.1 and for W&B."""
        if isinstance(event, ScalarEvent) and event.style is None and OCTAL.fullmatch(event.value):
            decimal, octal = int(event.value), int(event.value, 8)
            if decimal != octal:
                message = (
                    f"{event.value} is {decimal} here and {octal} to W&B, which reads a leading 0 "
                    f"as octal: write {decimal} or {octal}"
                )
                self.problems.append(Problem(self.line, dotted(path), message))

    def scalar_value(self, event: ScalarEvent) -> ScalarValue:
        """The value of a scalar. Only unquoted scalars can be other than text."""
        return plain_scalar(event.value) if event.style is None else self.text(event)

    def text(self, event: ScalarEvent) -> str:
        """The text of a scalar, without characters that no file, name or path may have."""
        text = str(event.value)
        if any("\ud800" <= character <= "\udfff" for character in text):
            raise UnreadableYamlError(self.line, "not valid YAML: half of a surrogate pair")
        if "\0" in text:
            raise UnreadableYamlError(self.line, "the character #x0000 is not allowed")
        return text

    def items(self, path: KeyPath) -> tuple[Node, ...]:
        """The items up to the end of a sequence."""
        nodes: list[Node] = []
        while not isinstance(event := self.next_event(), SequenceEndEvent):
            nodes.append(self.node(event, (*path, len(nodes))))
        return tuple(nodes)

    def entries(self, path: KeyPath) -> dict[str, Entry]:
        """The entries up to the end of a mapping. Of two equal keys the first is kept."""
        entries: dict[str, Entry] = {}
        merged: dict[str, Entry] = {}
        while not isinstance(event := self.next_event(), MappingEndEvent):
            line = self.line
            key = self.key(event, path)
            value = self.node(self.next_event(), (*path, key))
            if isinstance(value, Scalar) and value.value is None:
                # ruamel.yaml gives an omitted value the line of the next one.
                value = replace(value, line=line)
            if key == "<<" and isinstance(event, ScalarEvent) and event.style is None:
                merged = self.merge(value, line, path) | merged
            elif key in entries:
                self.duplicate(key, line, entries[key].line, path)
            else:
                entries[key] = Entry(line, value)
        return entries | {key: entry for key, entry in merged.items() if key not in entries}

    def key(self, event: Event, path: KeyPath) -> str:
        """The text of a key. It is text even if the core schema reads it as a number."""
        if isinstance(event, ScalarEvent):
            self.refuse_tag(event, path)
            return self.text(event)
        raise UnreadableYamlError(
            self.line, f"a key of {dotted(path) or 'the grid'} is not plain text"
        )

    def duplicate(self, key: str, line: int, first: int, path: KeyPath) -> None:
        """Report a key that is in one mapping twice."""
        message = f"duplicate key {quoted(key)}; it is already on line {first}"
        self.problems.append(Problem(line, dotted((*path, key)), message))

    def merge(self, node: Node, line: int, path: KeyPath) -> dict[str, Entry]:
        """The entries that a merge key adds. Earlier sources take precedence."""
        merged: dict[str, Entry] = {}
        for source in node.items if isinstance(node, Sequence) else (node,):
            if not isinstance(source, Mapping):
                message = "the merge key << needs a mapping or a list of mappings"
                self.problems.append(Problem(line, dotted((*path, "<<")), message))
                continue
            self.merged += len(source.entries)
            if self.merged > MAX_VALUES:
                raise UnreadableYamlError(line, f"merge keys add more than {MAX_VALUES:,} values")
            merged = source.entries | merged
        return merged
