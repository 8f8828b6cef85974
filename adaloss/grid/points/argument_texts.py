"""Texts in a grid for arguments of optimizers that are none: no is text in YAML 1.2, and true."""

from collections.abc import Iterator, Sequence

from adaloss.grid.mistakes.problems import Problem, dotted
from adaloss.grid.mistakes.wording import OTHER_BOOLEANS, described
from adaloss.grid.points.constructors import Sources, constructor, optimizers_in, takes
from adaloss.grid.points.parameters import Values, places_of
from adaloss.grid.points.points import Point, Points
from adaloss.grid.reading.file import GridFile
from adaloss.grid.reading.scalars import plain_scalar
from adaloss.optimizer_names import HYPERPARAMETER, PREFIX
from adaloss.own_code.signatures import Constructor

NONE = "None"


def texts_for_arguments(
    file: GridFile, values: Values, points: Points, sources: Sources
) -> Iterator[Problem]:
    """The texts for arguments whose defaults are numbers, booleans or None."""
    known = [constructor(name, sources) for name in dict.fromkeys(optimizers_in(file.data))]
    if None in known:
        return
    declared = [
        Point(("parameters",), values),
        *(new for _, new in points.overrides),
        *points.include,
    ]
    for point in declared:
        for name in filter(HYPERPARAMETER.match, point.values):
            taking = [each for each in known if each and takes(each, name.removeprefix(PREFIX))]
            texts = [value for value in point.values[name] if isinstance(value, str)]
            places = places_of(file, (*point.path, name)) if texts and taking else {}
            for text in texts if taking else ():
                place = places[text]
                if why := wrong_text(name, text, taking, is_unquoted=place in file.unquoted):
                    yield Problem(file.line(place), dotted(place), why)


def wrong_text(
    name: str, text: str, taking: Sequence[Constructor], *, is_unquoted: bool
) -> str | None:
    """Why this text is no value of the argument for those that take it, or None."""
    argument = name.removeprefix(PREFIX)
    if all(argument in each.numbers for each in taking):
        return f"{name} must be a number, found {described(text)}{hint(text)}"
    if all(argument in each.switches for each in taking):
        return f"{name} must be true or false, found {described(text)}{hint(text)}"
    if not all(argument in each.numbers | each.switches | each.nothings for each in taking):
        return None
    # With its quotes a word is meant as text.
    if is_unquoted and (text == NONE or text in OTHER_BOOLEANS):
        return f"{name} is {described(text)}{hint(text)}, or put it in quotes if text is meant"
    return None


def hint(text: str) -> str:
    """What to write for a text."""
    if text == NONE:
        return "; leave it out for the optimizer's own default"
    if text in OTHER_BOOLEANS:
        return f"; write {OTHER_BOOLEANS[text]}"
    return "" if isinstance(plain_scalar(text), str) else "; remove the quotes"
