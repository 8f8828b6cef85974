"""Write the generated pages: grid-reference.md from the grid's schema, commands.md from the CLI,
json.md from the schema of what commands print with --json.

    python docs/make_reference.py

``make reference`` runs this; a test fails while a page differs from what this writes.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import typer

from adaloss.grid.sweep import grid_json_schema
from adaloss.optimizer_names import CLASS_IN_FILE, HYPERPARAMETER
from adaloss.tasks.table import FIELD_NAMES, FIELDS
from runners.cli.app import app

DOCS = Path(__file__).parent
EXAMPLE = DOCS / "every-key.yaml"
PROGRAM_EXAMPLE = DOCS / "every-program-key.yaml"
OUTPUTS = DOCS.parent / "sweeps" / "outputs.schema.json"
REQUIRED = "required"

OUTPUTS_INTRO = """# JSON outputs

<!-- Written by docs/make_reference.py: run `make reference` after a change of the schema. -->

With `--json` a command prints one JSON object on standard output, and everything else on standard
error. The [exit codes](troubleshooting.md#exit-codes) are the same. This page is made from the JSON
Schema that `adaloss-sweep schema --outputs` prints
([outputs.schema.json](../sweeps/outputs.schema.json)): a definition for each command, which tests
compare with the outputs. Numbers that are not finite are `null`. A command that is interrupted
(exit code 130) prints no object. `watch` has no JSON, because it is a server; `schema` prints JSON
in any case.
"""

GRID_INTRO = """# Grid reference

<!-- Written by docs/make_reference.py: run `make reference` after a change of the schema. -->

A grid is a YAML 1.2 file. `parameters` is enough; every other key has a default. Each mistake is
reported as `grid.yaml:12: …`, all of them at once. The examples below are the parts of one grid,
[every-key.yaml](every-key.yaml), and those of [your own program](your-own-code.md) of another,
[every-program-key.yaml](every-program-key.yaml). `adaloss-sweep schema` prints the same
reference as a JSON Schema for editors.
"""
PARAMETERS_INTRO = """A parameter is a value, or a list of values to try. Every combination is a
cell of the grid. W&B's forms `{value: 0.1}` and `{values: [0.1, 1]}` are read as well; `mean` and
`std`, which are lists themselves, need them.
"""
COMMANDS_INTRO = """# Commands

<!-- Written by docs/make_reference.py: run `make reference` after a change of the commands. -->

`GRID` is a grid file, the name of a shipped grid, or a folder of results such as
`results/quickstart`. The exit codes are listed in
[Troubleshooting](troubleshooting.md#exit-codes)."""


def main() -> None:
    """Write the pages."""
    for name, text in pages().items():
        (DOCS / name).write_text(text, encoding="utf-8")


def pages() -> dict[str, str]:
    """The generated pages by the names of their files."""
    return {
        "grid-reference.md": "\n".join(grid_reference()) + "\n",
        "commands.md": "\n".join(commands()) + "\n",
        "json.md": "\n".join(outputs()) + "\n",
    }


def outputs() -> Iterator[str]:
    """The lines of the page about JSON."""
    definitions = json.loads(OUTPUTS.read_text(encoding="utf-8"))["$defs"]
    yield OUTPUTS_INTRO
    for name, about in sorted(definitions.items()):
        if name == "files":
            continue
        yield f"## {name}\n"
        reference = about.get("$ref", "").removeprefix("#/$defs/")
        if reference and reference != "files":
            yield f"As [{reference}](#{reference}).\n"
            continue
        about = definitions[reference or name]
        yield f"{about['description']}\n\n| key | type | meaning |\n|---|---|---|"
        yield from output_rows(about, "")
        yield ""


def output_rows(about: Mapping[str, Any], inside: str) -> Iterator[str]:
    """A row per key of an object, with those of the objects in it."""
    for key, value in about["properties"].items():
        inner = value.get("items") or value.get("additionalProperties") or {}
        meaning = " ".join(each["description"] for each in (value, inner) if "description" in each)
        yield f"| `{inside}{key}` | {output_type(value)} | {meaning} |"
        if "properties" in inner:
            yield from output_rows(inner, f"{inside}{key}[].")


def output_type(value: Mapping[str, Any]) -> str:
    """The type of a value in words."""
    if "enum" in value:
        return ", ".join(f"`{one}`" for one in value["enum"])
    kinds = value.get("type", "any")
    if kinds == "array":
        return f"list of {output_type(value['items'])}"
    return " or ".join(kinds) if isinstance(kinds, list) else str(kinds)


def grid_reference() -> Iterator[str]:
    """The lines of the grid reference."""
    schema = grid_json_schema()
    keys, definitions = schema["properties"], schema["$defs"]
    example = examples(PROGRAM_EXAMPLE.read_text(encoding="utf-8"))
    example |= examples(EXAMPLE.read_text(encoding="utf-8"))
    yield GRID_INTRO
    yield "## Top-level keys\n"
    defaults = {"name": "the file's name"} | dict.fromkeys(schema["required"], REQUIRED)
    yield from key_table(keys, definitions, defaults, linked=frozenset(example))
    yield "\n## parameters\n"
    yield PARAMETERS_INTRO
    yield from key_table(*parameters(schema))
    dotted = ", ".join(
        f"`{name}`" for name in definitions["Parameters"]["properties"] if "." in name
    )
    yield f"\nW&B's dotted names, and the nested form of each, are read as fields: {dotted}.\n"
    yield code(example["parameters"])
    for name, about in keys.items():
        section = section_of(about, definitions)
        if section is not None:
            yield f"\n## {name}\n"
            yield f"{one_line(section['description'])}\n"
            yield from key_table(section["properties"], definitions, {})
            yield f"\n{code(example[name])}"
        elif name in example and name != "parameters":
            yield f"\n## {name}\n"
            yield f"{one_line(about['description'])}\n\n{code(example[name])}"


def parameters(schema: Mapping[str, Any]) -> tuple[Mapping[str, Any], Any, dict[str, str]]:
    """The fields of a trial that a grid sets, as :func:`key_table` takes them."""
    described = schema["$defs"]["Parameters"]["properties"]
    names = [name for name in FIELD_NAMES if name in described]
    defaults = {
        name: REQUIRED if field.is_required() else shown(field.default)
        for name, field in FIELDS.items()
    }
    fields = {
        name: schema["$defs"][name] | {"description": described[name]["description"]}
        for name in names
    }
    return fields, schema["$defs"], defaults | {"seed": "`seeds`"}


def examples(text: str) -> dict[str, str]:
    """The lines of each top-level key of a YAML text."""
    parts: dict[str, list[str]] = {}
    key = ""
    for line in text.splitlines():
        if line[:1].isalpha():
            key = line.partition(":")[0]
        parts.setdefault(key, []).append(line)
    return {key: "\n".join(lines) for key, lines in parts.items()}


def key_table(
    keys: Mapping[str, Any],
    definitions: Mapping[str, Any],
    defaults: Mapping[str, str],
    linked: frozenset[str] = frozenset(),
) -> Iterator[str]:
    """A Markdown table of keys: type, default and meaning; ``linked`` ones have a section."""
    yield "| key | type | default | meaning |"
    yield "|---|---|---|---|"
    for name, about in keys.items():
        section = section_of(about, definitions)
        meaning = about.get("description") or (section or {}).get("description", "")
        title = f"[`{name}`](#{name})" if name in linked else f"`{name}`"
        known = "default" in about and section is None
        default = defaults.get(name) or (shown(about["default"]) if known else "")
        yield row(title, kind(about, definitions), default, one_line(meaning))


def section_of(about: Mapping[str, Any], definitions: Mapping[str, Any]) -> Any:
    """The definition of a key that is a section, or a list of sections; None for other keys."""
    referred = about.get("$ref") or about.get("items", {}).get("$ref", "")
    found = definitions.get(referred.rpartition("/")[2])
    return found if found and "title" in found and "properties" in found else None


def kind(about: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    """The type of a value in words."""
    if "$ref" in about:
        return kind(definitions[about["$ref"].rpartition("/")[2]], definitions)
    if "anyOf" in about:
        return " or ".join(kind(part, definitions) for part in about["anyOf"])
    if "const" in about:
        return shown(about["const"])
    if "enum" in about:
        fields = set(about["enum"]) - {None} == set(FIELD_NAMES)
        names = [shown(None)] if None in about["enum"] else []
        return " or ".join(["a field", *names]) if fields else ", ".join(map(shown, about["enum"]))
    if about.get("pattern") == CLASS_IN_FILE:
        return "`module:Class`"
    if about.get("pattern") == HYPERPARAMETER.pattern:
        return "`optimizer.NAME`"
    if "examples" in about:
        return f"{' or '.join(about['type'])}, such as {', '.join(map(shown, about['examples']))}"
    match about.get("type"):
        case "array":
            items = kind(about.get("items", {}), definitions)
            return f"list of {items}" if items else "list"
        case "integer" | "number" as name:
            return f"{name}{bounds(about)}"
        case "boolean":
            return "`true`, `false`"
        case "null":
            return shown(None)
        case "object":
            return "mapping"
        case "string":
            return "text"
    return ""


def bounds(about: Mapping[str, Any]) -> str:
    """The limits of a number; the largest seed is not worth a mention."""
    signs = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    limits = [
        f"{sign} {about[key]}" for key, sign in signs.items() if key in about and about[key] < 2**62
    ]
    return f" {', '.join(limits)}" if limits else ""


def commands() -> Iterator[str]:
    """The lines of the command reference."""
    group: Any = typer.main.get_command(app)
    yield COMMANDS_INTRO
    for name, command in group.commands.items():
        params = [param for param in command.params if param.name != "help"]
        arguments = [param for param in params if is_argument(param)]
        names = [param.name.upper() for param in arguments]
        usage = [
            name if param.required else f"[{name}]"
            for name, param in zip(names, arguments, strict=True)
        ]
        yield f"\n## {name}\n\n{one_line(command.help)}\n"
        yield f"```\n{' '.join(['adaloss-sweep', name, *usage, '[OPTIONS]'])}\n```\n"
        if params:
            yield "| argument or option | default | meaning |"
            yield "|---|---|---|"
        for param in params:
            yield row(title_of(param), default_of(param), one_line(param.help or ""))


def is_argument(param: Any) -> bool:
    """Whether this is an argument, not an option."""
    return bool(param.param_type_name == "argument")


def title_of(param: Any) -> str:
    """How an argument or option is written."""
    if is_argument(param):
        return f"`{param.name.upper()}`"
    names = ", ".join(f"`{name}`" for name in (*reversed(param.opts), *param.secondary_opts))
    return names + (", may be repeated" if param.multiple else "")


def default_of(param: Any) -> str:
    """The default of an argument or option; empty without one."""
    default = param.default
    if param.required:
        return REQUIRED
    return "" if default in (None, False, True, ()) else f"`{default}`"


def row(*cells: str) -> str:
    """A row of a Markdown table."""
    escaped = (cell.replace("|", r"\|") for cell in cells)
    return f"|{'|'.join(f' {cell} ' if cell else ' ' for cell in escaped)}|"


def shown(value: Any) -> str:
    """A value as a grid has it."""
    if isinstance(value, float):
        return f"`{value:g}`"
    return f"`{value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}`"


def one_line(text: str) -> str:
    """Text without line breaks."""
    return " ".join(text.split())


def code(text: str) -> str:
    """A block of YAML."""
    return f"```yaml\n{text}\n```"


if __name__ == "__main__":
    main()
