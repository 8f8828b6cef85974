"""The optimizers of a grid: whether they exist, and which hyperparameters each of them takes."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from adaloss.grid.mistakes.problems import Problem, closest, suggestion
from adaloss.grid.mistakes.wording import described
from adaloss.grid.points.parameters import Values
from adaloss.grid.points.timm_optimizers import timm_optimizers
from adaloss.grid.reading.file import GridFile
from adaloss.grid.reading.wandb import FIELD_OF
from adaloss.optimizer_names import (
    DEFAULT_MOMENTUM,
    HYPERPARAMETER,
    PACKAGES,
    PAPER_ADAMS,
    PREFIX,
    TORCH_OPTIMIZERS,
    WITH_MOMENTUM,
    canonical_optimizer,
    is_named,
    is_own_optimizer,
    module_and_class,
    timm_name,
)
from adaloss.own_code.modules import find_own_module
from adaloss.own_code.signatures import (
    Constructor,
    constructor_of,
    keys_of,
    methods_of,
    names_in,
)

Folders = Sequence[Path]
# The constructor gets these from the trial's fields.
PASSED_AS_FIELDS = frozenset({"optimizer.lr", "optimizer.momentum", "optimizer.weight_decay"})
Cell = dict[str, Any]


def optimizer_problems(file: GridFile, values: Values, folders: Folders) -> Iterator[Problem]:
    """Optimizers that do not exist, and hyperparameters that none of them takes."""
    optimizers = values.get("optimizer", ())
    for position, name in enumerate(optimizers):
        if is_named(name) and (mistake := mistake_in(name, folders)):
            yield file.problem(path_of(file, "optimizer", position), mistake)
    if set(values.get("rate", ())) - {"constant"} and not any(
        name not in PAPER_ADAMS for name in optimizers_in(file.data)
    ):
        message = "rate is for named optimizers such as adamw, and the grid has none that takes one"
        yield file.problem(("parameters", "rate"), message)
    named = [name for name in optimizers if is_named(name)]
    known = {name: constructor(name, folders) for name in named}
    if None in known.values():
        return
    for name in filter(HYPERPARAMETER.match, values):
        argument = name.removeprefix(PREFIX)
        if taking := [found for found in known.values() if takes(found, argument)]:
            if all(found is not None and argument in found.numbers for found in taking):
                yield from texts_for_numbers(file, name, values[name])
            continue
        if not named:
            message = f"{name} is for named optimizers such as adamw, and the grid has none"
        else:
            arguments = {a for found in known.values() if found for a in found.arguments[1:]}
            hint = suggestion(argument, sorted(arguments))
            message = f"no optimizer of the grid takes {argument}{hint}"
        yield file.problem(("parameters", name), message)


def texts_for_numbers(file: GridFile, name: str, values: tuple[Any, ...]) -> Iterator[Problem]:
    """Texts in place of the number that an argument is."""
    for position, value in enumerate(values):
        if isinstance(value, str):
            message = f"{name} must be a number, found {described(value)}"
            yield file.problem(path_of(file, name, position), message)


def own_arguments(data: Any, folders: Folders) -> frozenset[str]:
    """The names ``optimizer.NAME`` that mean an argument of one of the grid's optimizers.

    W&B's form has a field of the same name, such as ``optimizer.alpha``, which is AdaLoss's.
    """
    taken = {
        f"{PREFIX}{argument}"
        for name in dict.fromkeys(optimizers_in(data))
        if (found := constructor(name, folders))
        for argument in found.arguments
    }
    return frozenset(taken & FIELD_OF.keys()) - PASSED_AS_FIELDS


def optimizers_in(data: Any) -> Iterator[str]:
    """The named optimizers in the data of a grid, in whatever form."""
    if isinstance(data, tuple):
        for item in data:
            yield from optimizers_in(item)
    if not isinstance(data, Mapping):
        return
    for key, content in data.items():
        if key in ("optimizer", "optimizer.name"):
            for text in texts_in(content):
                with suppress(KeyError):
                    if is_named(name := canonical_optimizer(text)):
                        yield name
        else:
            yield from optimizers_in(content)


def texts_in(data: Any) -> Iterator[str]:
    """Every text in some data."""
    if isinstance(data, str):
        yield data
    parts = data.values() if isinstance(data, Mapping) else data
    for part in parts if isinstance(data, Mapping | tuple) else ():
        yield from texts_in(part)


def impossible_optimizers(
    file: GridFile, cells: Sequence[Cell], folders: Folders
) -> Iterator[Problem]:
    """Cells with a rate, b0, weight decay or average that their optimizer cannot have."""
    optimizers = tuple(dict.fromkeys(cell["optimizer"] for cell in cells))
    declared = file.data["parameters"]
    for name in dict.fromkeys(name for cell in cells for name in cell if PREFIX in name):
        if name not in declared and all(cell.get(name) is None for cell in cells):
            path = section_with(file, name)
            yield file.problem(path, f"no optimizer of these cells takes {name[len(PREFIX) :]}")
    for name in filter(is_named, optimizers):
        if mistake := mistake_in(name, folders):
            yield file.problem(section_with(file, name), mistake)
            continue
        own = [cell for cell in cells if cell["optimizer"] == name]
        averaged = any(cell["average"] != "none" for cell in own)
        if averaged and methods_of(*source_of(name), folders) >= {"train", "eval"}:
            section = ("parameters",) if "average" in declared else section_with(file, "average")
            message = (
                f"optimizer {name} has weights of its own for evaluation: set average to none "
                "there with an override"
            )
            yield file.problem((*section, "average"), message)
        found = constructor(name, folders)
        if found is None or found.any_name:
            continue
        rates = any(cell["rate"] != "constant" for cell in own)
        scaled = rates or any(cell["b0"] != 1 or cell["lr"] != 1 for cell in own)
        if "lr" not in found.arguments and scaled:
            advice = "has no lr: write lr: 1 and b0: 1 for it, and no rate"
        elif rates and (name == "lbfgs" or name.endswith("Closure")):
            advice = (
                "computes the loss several times a step, for which there is no rate: exclude it"
            )
        elif "weight_decay" not in found.arguments and any(cell["weight_decay"] for cell in own):
            advice = "has no weight_decay: set it to 0 there with an override"
        else:
            continue
        message = f"optimizer {name} {advice}"
        yield file.problem(("parameters", "optimizer"), message)


def section_with(file: GridFile, text: str) -> tuple[str, ...]:
    """The first of the sections with this text in it."""
    sections = ("overrides", "include", "parameters")
    return (next((name for name in sections if text in str(file.data.get(name))), "parameters"),)


def path_of(file: GridFile, name: str, position: int) -> tuple[int | str, ...]:
    """The path of one of a parameter's values."""
    content: Any = file.data["parameters"][name]
    path: tuple[int | str, ...] = ("parameters", name)
    if isinstance(content, Mapping):
        key = "value" if "value" in content else "values"
        content, path = content[key], (*path, key)
    return (*path, position) if isinstance(content, tuple) else path


def mistake_in(name: str, folders: Folders) -> str | None:
    """Why there is no such optimizer, or None."""
    module, class_name = module_and_class(name)
    package = module.partition(".")[0]
    own = timm_name(name)
    if own is not None and (names := timm_optimizers()):
        hint = suggestion(own, sorted(names)) if own not in names else None
        return f"optimizer {name}: timm has no optimizer {own}{hint}" if hint is not None else None
    if find_own_module(module, folders) is None:
        if package in PACKAGES:
            return f"optimizer {name} needs a package: pip install {PACKAGES[package]}"
        searched = ", ".join(map(str, folders))
        meant = closest(package, PACKAGES)
        hint = f"; did you mean {meant}?" if meant else ""
        return f"optimizer {name}: there is no module {module} in {searched} or installed{hint}"
    there = names_in(module, folders)
    if there is None or class_name in there or constructor(name, folders) is not None:
        return None
    if module == "torch" and class_name in TORCH_OPTIMIZERS.values():
        return f"optimizer {name}: torch has no class {class_name}: write torch.optim:{class_name}"
    # A module may define names in ways that its source does not show.
    known = [each for each in there if each[:1].isupper() and not each.isupper()]
    hint = suggestion(class_name, known)
    return f"optimizer {name}: {module} has no class {class_name}{hint}" if known else None


def source_of(name: str) -> tuple[str, str]:
    """The module and the class of a named optimizer, also of one that timm has a name for."""
    own = timm_name(name)
    known = {} if own is None else timm_optimizers()
    return known.get(own or "", module_and_class(name))


def constructor(name: str, folders: Folders) -> Constructor | None:
    """The arguments that a named optimizer takes; None where that is unknown.

    Most constructors of pytorch_optimizer take any name, and put what they do not know into their
    param groups: a name that no line of theirs looks up would change nothing but a trial's id.
    """
    source = source_of(name)
    found = constructor_of(*source, folders)
    if found is None or not found.any_name or found.uses_others or is_own_optimizer(name):
        return found
    return replace(found, any_name=False, looked_up=keys_of(*source, folders))


def takes(found: Constructor | None, argument: str) -> bool:
    """Whether a constructor takes the argument, which it does if it is unknown."""
    if found is None or found.any_name:
        return True
    return argument in found.arguments or argument in found.looked_up


class Unset(float):
    """A value that the grid does not set."""


def with_applicable(cells: Sequence[Cell], folders: Folders) -> list[Cell]:
    """The cells with what their optimizers take.

    A hyperparameter that an optimizer does not take is None. Momentum that the grid does not set is
    the optimizer's own default; if it is set, other classes get it as a hyperparameter.
    """
    dotted = [name for name in (cells[0] if cells else ()) if HYPERPARAMETER.match(name)]
    names = {cell["optimizer"] for cell in cells}
    found = {name: constructor(name, folders) for name in names if is_named(name)}
    changed = []
    for cell in cells:
        name = cell["optimizer"]
        new: Cell = {}
        for field in dotted:
            if name not in found or not takes(found[name], field.removeprefix(PREFIX)):
                new[field] = None
        if isinstance(cell["momentum"], Unset):
            new["momentum"] = DEFAULT_MOMENTUM.get(name, 0.0)
        elif name not in WITH_MOMENTUM and takes(found[name], "momentum"):
            new["optimizer.momentum"] = cell["momentum"]
        changed.append(cell | new)
    return changed


def hyperparameters_of(cell: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments for the optimizer of a cell."""
    return {
        name.removeprefix(PREFIX): value
        for name, value in cell.items()
        if HYPERPARAMETER.match(name) and value is not None
    }
