"""Read a grid file as plain data, with the line of each value."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from adaloss.grid.mistakes.problems import MOST_PROBLEMS, GridError, KeyPath, Problem, dotted
from adaloss.grid.mistakes.wording import described
from adaloss.grid.reading import yaml as grid_yaml
from adaloss.grid.reading.yaml import MAX_DEPTH, MAX_VALUES, Node, UnreadableYamlError, read_yaml
from adaloss.tasks.metric import Goal
from adaloss.tasks.program.fields import LOGGED_AS, PROGRAM_TASK, SEED, parameter_of
from adaloss.tasks.program.task import aimed, program_task
from adaloss.tasks.table import task_named
from adaloss.tasks.task import Task

MAX_BYTES = 256 * 1024


@dataclass(frozen=True, kw_only=True)
class GridFile:
    """A readable grid file as dicts, tuples and scalars, which are not checked yet.

    ``lines`` is empty for a grid that is a dict. ``unquoted`` are its texts without quotes, which
    other readers of YAML may take for something else. ``problems`` are the mistakes found while
    reading, such as duplicate keys. ``reported`` are those that :meth:`problem` reported later.
    ``arguments`` are the names ``optimizer.NAME`` that are an argument of one of the grid's
    optimizers, and not W&B's name of a field. ``groups`` are the names of W&B's groups of nested
    parameters.
    """

    source: Path
    text: str
    data: Mapping[str, Any]
    lines: Mapping[KeyPath, int]
    problems: tuple[Problem, ...]
    reported: list[Problem] = field(default_factory=list)
    arguments: frozenset[str] = frozenset()
    groups: tuple[str, ...] = ()
    unquoted: Mapping[KeyPath, str] = field(default_factory=dict)

    @cached_property
    def task(self) -> Task:
        """The task of the sweep; that of a program has the parameters of the file."""
        if not self.runs_a_program:
            return task_named(self.data.get("task"))
        parameters, metric = self.data.get("parameters"), self.data.get("metric")
        names = parameters if isinstance(parameters, Mapping) else ()
        about = metric if isinstance(metric, Mapping) else {}
        named = str(about.get("name") or "")
        task = program_task([parameter_of(name) for name in names if name != SEED], "")
        # W&B minimizes unless the file says otherwise.
        goal: Goal = "maximize" if about.get("goal") == "maximize" else "minimize"
        return aimed(task, LOGGED_AS.get(named, named), goal)

    @property
    def runs_a_program(self) -> bool:
        """Whether the trials run a program of the user's own."""
        says_so = any(key in self.data for key in ("program", "command", "task"))
        return says_so and self.data.get("task", PROGRAM_TASK) == PROGRAM_TASK

    @property
    def knows_its_task(self) -> bool:
        """Whether the task is not misspelt: else what it needs is not known."""
        return bool(self.data.get("task", self.task.name) == self.task.name)

    def line(self, path: KeyPath) -> int | None:
        """The line of a value, or of the closest value that contains it; None without lines."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path)

    def problem(self, path: KeyPath, message: str) -> Problem:
        """A problem with the value at ``path``.

        Raises:
            GridError: there are more than ``MOST_PROBLEMS``, so the rest is not checked.
        """
        problem = Problem(self.line(path), dotted(path), message)
        self.reported.append(problem)
        if len(self.reported) > MOST_PROBLEMS:
            raise GridError(self.source, [*self.problems, *self.reported])
        return problem


def read_grid_file(source: Path) -> GridFile:
    """Read a grid file's structure.

    Raises:
        GridError: the file does not exist, or is not a YAML mapping.
    """
    return read_grid_text(source, read_text(source))


def read_grid_text(source: Path, text: str) -> GridFile:
    """Read the structure of a grid file's text.

    Raises:
        GridError: the text is not a YAML mapping.
    """
    lines: dict[KeyPath, int] = {}
    unquoted: dict[KeyPath, str] = {}
    try:
        root, problems = read_yaml(text)
        if not isinstance(root, grid_yaml.Mapping):
            raise UnreadableYamlError(root.line if root else 1, not_a_grid(root))
        data = plain_data(root, (), root.line, lines, unquoted)
    except UnreadableYamlError as error:
        raise GridError(source, [Problem(error.line, "", error.message)]) from error
    return GridFile(
        source=source,
        text=text,
        data=data,
        lines=lines,
        problems=tuple(problems),
        unquoted=unquoted,
    )


def read_text(source: Path) -> str:
    """The text of the file.

    Raises:
        GridError: the file cannot be read, is too large, or is not UTF-8.
    """
    try:
        with source.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        raise GridError(source, [Problem(None, "", why_not_read(error))]) from error
    if len(content) > MAX_BYTES:
        message = f"larger than {MAX_BYTES // 1024} KiB; this is not a grid file"
        raise GridError(source, [Problem(None, "", message)])
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        message = f"the byte 0x{content[error.start]:02x} is not UTF-8; save the file as UTF-8 text"
        raise GridError(source, [Problem(line, "", message)]) from error


def why_not_read(error: OSError | ValueError) -> str:
    """Why the file could not be read."""
    if isinstance(error, FileNotFoundError):
        return "there is no such file"
    if isinstance(error, IsADirectoryError):
        return "this is a folder, not a grid file"
    return f"cannot be read: {error.strerror if isinstance(error, OSError) else error}"


def not_a_grid(root: grid_yaml.Scalar | grid_yaml.Sequence | None) -> str:
    """An error message for a document that is not a mapping."""
    if root is None or (isinstance(root, grid_yaml.Scalar) and root.value is None):
        return "the file is empty; a grid needs at least parameters"
    kind = "a list" if isinstance(root, grid_yaml.Sequence) else described(root.value)
    return f"a grid is a mapping with keys such as name and parameters, found {kind}"


def plain_data(
    node: Node,
    path: KeyPath,
    line: int,
    lines: dict[KeyPath, int],
    unquoted: dict[KeyPath, str],
) -> Any:
    """The node's plain value. What it contains is added to ``lines`` and ``unquoted``.

    A scalar has its own line. A collection has the line of its key, above its first entry.
    """
    if len(lines) >= MAX_VALUES:
        raise UnreadableYamlError(line, f"aliases expand to more than {MAX_VALUES:,} values")
    if len(path) > MAX_DEPTH:
        raise UnreadableYamlError(line, f"aliases nest more than {MAX_DEPTH} levels deep")
    lines[path] = line
    if isinstance(node, grid_yaml.Scalar):
        lines[path] = node.line
        if node.is_plain and isinstance(node.value, str):
            unquoted[path] = node.value
        return node.value
    if isinstance(node, grid_yaml.Sequence):
        return tuple(
            plain_data(item, (*path, index), item.line, lines, unquoted)
            for index, item in enumerate(node.items)
        )
    return {
        key: plain_data(entry.value, (*path, key), entry.line, lines, unquoted)
        for key, entry in node.entries.items()
    }
