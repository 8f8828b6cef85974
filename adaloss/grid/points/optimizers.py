"""The optimizers of a grid: whether they exist, and which hyperparameters each of them takes."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from adaloss.grid.mistakes.problems import Problem, suggestion
from adaloss.grid.points.constructors import (
    Sources,
    constructor,
    mistake_in,
    optimizers_in,
    source_of,
    takes,
)
from adaloss.grid.points.parameters import Values, exact, places_of
from adaloss.grid.reading.file import GridFile
from adaloss.grid.reading.wandb import FIELD_OF
from adaloss.optimizer_names import (
    DEFAULT_MOMENTUM,
    HYPERPARAMETER,
    PAPER_ADAMS,
    PREFIX,
    WITH_MOMENTUM,
    is_named,
)
from adaloss.own_code.signatures import methods_of

# The constructor gets these from the trial's fields.
PASSED_AS_FIELDS = frozenset({"optimizer.lr", "optimizer.momentum", "optimizer.weight_decay"})
MOMENTUM = "optimizer.momentum"
Cell = dict[str, Any]


def optimizer_problems(file: GridFile, values: Values, sources: Sources) -> Iterator[Problem]:
    """Optimizers that do not exist, and hyperparameters that none of them takes."""
    optimizers = values.get("optimizer", ())
    anywhere = tuple(dict.fromkeys(optimizers_in(file.data)))
    if not sources.records:
        wrong = {
            n: why for n in filter(is_named, optimizers) if (why := mistake_in(n, sources.folders))
        }
        places = places_of(file, ("parameters", "optimizer")) if wrong else {}
        for name, why in wrong.items():
            yield file.problem(places[exact(name)], why)
    if set(values.get("rate", ())) - {"constant"} and not set(anywhere) - PAPER_ADAMS.keys():
        message = "rate is for named optimizers such as adamw, and the grid has none that takes one"
        yield file.problem(("parameters", "rate"), message)
    known = [constructor(name, sources) for name in anywhere]
    # What the absent ones take is known from records only as far as there are any.
    if None in known or sources.absent:
        return
    for name in filter(HYPERPARAMETER.match, values):
        argument = name.removeprefix(PREFIX)
        if any(takes(found, argument) for found in known):
            continue
        if not known:
            message = f"{name} is for named optimizers such as adamw, and the grid has none"
        else:
            arguments = {a for found in known if found for a in found.arguments[1:]}
            hint = suggestion(argument, sorted(arguments))
            message = f"no optimizer of the grid takes {argument}{hint}"
        yield file.problem(("parameters", name), message)


def own_arguments(data: Any, sources: Sources) -> frozenset[str]:
    """The names ``optimizer.NAME`` that mean an argument of one of the grid's optimizers.

    W&B's form has a field of the same name, such as ``optimizer.alpha``, which is AdaLoss's.
    """
    taken = {
        f"{PREFIX}{argument}"
        for name in dict.fromkeys(optimizers_in(data))
        if (found := constructor(name, sources))
        for argument in found.arguments
    }
    return frozenset(taken & FIELD_OF.keys()) - PASSED_AS_FIELDS


def impossible_optimizers(
    file: GridFile, cells: Sequence[Cell], sources: Sources
) -> Iterator[Problem]:
    """Cells with a rate, b0, weight decay or average that their optimizer cannot have."""
    optimizers = tuple(dict.fromkeys(cell["optimizer"] for cell in cells))
    declared = file.data["parameters"]
    dotted = dict.fromkeys(name for cell in cells for name in cell if PREFIX in name)
    for name in () if sources.absent else dotted:
        if name not in declared and all(cell.get(name) is None for cell in cells):
            path = section_with(file, name)
            yield file.problem(path, f"no optimizer of these cells takes {name[len(PREFIX) :]}")
    for name in filter(is_named, optimizers):
        if name in sources.absent:
            continue
        if mistake := mistake_in(name, sources.folders):
            yield file.problem(section_with(file, name), mistake)
            continue
        own = [cell for cell in cells if cell["optimizer"] == name]
        averaged = any(cell["average"] != "none" for cell in own)
        if averaged and methods_of(*source_of(name), sources.folders) >= {"train", "eval"}:
            section = ("parameters",) if "average" in declared else section_with(file, "average")
            message = (
                f"optimizer {name} has weights of its own for evaluation: set average to none "
                "there with an override"
            )
            yield file.problem((*section, "average"), message)
        found = constructor(name, sources)
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


class Unset(float):
    """A value that the grid does not set."""


def with_applicable(cells: Sequence[Cell], sources: Sources) -> list[Cell]:
    """The cells with what their optimizers take.

    A hyperparameter that an optimizer does not take is None. Momentum that the grid does not set is
    the optimizer's own default; if it is set, other classes get it as a hyperparameter.
    """
    dotted = [name for name in (cells[0] if cells else ()) if HYPERPARAMETER.match(name)]
    names = {cell["optimizer"] for cell in cells}
    found = {name: constructor(name, sources) for name in names if is_named(name)}
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
            new[MOMENTUM] = cell["momentum"]
        changed.append(cell | new)
    # Labels and tables look at the names of the first cell.
    is_passed = any(MOMENTUM in cell for cell in changed)
    return [{**cell, MOMENTUM: cell.get(MOMENTUM)} for cell in changed] if is_passed else changed


def hyperparameters_of(cell: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments for the optimizer of a cell."""
    return {
        name.removeprefix(PREFIX): value
        for name, value in cell.items()
        if HYPERPARAMETER.match(name) and value is not None
    }
