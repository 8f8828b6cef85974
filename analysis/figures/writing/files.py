"""Which figures a sweep has, and their files: each is drawn once, for all its formats."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adaloss.records.store import ignore
from analysis.attempts import Attempts
from analysis.frame.column_types import values_of
from analysis.frame.frame import history_frame, positions_by
from analysis.results import Results
from analysis.tables.wording import file_name

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from analysis.figures.writing.style import Style

AGAINST, CURVES, HEAT_MAP, DIFFERENCES = "against", "curves", "heatmap", "differences"
SENSITIVITY, PROFILE = "sensitivity", "profile"
FIGURES = (AGAINST, CURVES, HEAT_MAP, DIFFERENCES, SENSITIVITY, PROFILE)
FORMATS = ("png", "pdf", "svg")
# A PDF takes as long as a PNG; ``plot --format pdf`` draws it for those who want it.
FIGURE_FORMATS = ("png",)

Named = tuple[str, "Callable[[], Figure]"]
"""A figure's name, and the function that draws it."""
Share = tuple[int, int]
"""The number of a writer of figures, from zero, and the number of writers."""
ALL: Share = (0, 1)


def figures_of(
    results: Results,
    kinds: Sequence[str],
    *,
    baseline: str | None = None,
    width: float | None = None,
) -> Iterator[Named]:
    """The figures of these kinds; a function that draws one may raise the same errors.

    Raises:
        TableError: the fields or the baseline do not exist, or cells would mix trials.
    """
    # matplotlib takes half a second to import, and tables do not need it.
    from analysis import figures

    spec, measure, frame = results.spec, results.measure, results.chosen()
    axes: dict[str, Any] = {"x": spec.rows, "line": spec.columns, "per": spec.per}
    common: dict[str, Any] = {
        "metric": measure.metric,
        "title": results.title,
        "width": width or figures.PAGE_INCHES,
        "names": results.names,
        "task": results.task,
    }
    look: dict[str, Any] = {"at": measure.at, "na_if": spec.na_if, "spread": spec.spread}
    if AGAINST in kinds:
        if spec.ranks_points:
            on: dict[str, Any] = {"line": spec.columns, "per": spec.per}
            yield "points", partial(figures.metric_at_points, frame, **look, **on, **common)
        else:
            yield (
                f"against-{spec.rows}",
                partial(figures.accuracy_against, frame, **look, **axes, **common),
            )
        for other in (o for o in results.specs[1:] if o.figure and not o.ranks_points):
            asked = results.measure_of(other)
            changes: dict[str, Any] = {
                "x": other.rows,
                "line": other.columns,
                "per": other.per,
                "metric": asked.metric,
                "at": asked.at,
                "na_if": other.na_if,
                "spread": other.spread,
                "title": results.title_of(other),
            }
            yield (
                f"against-{other.rows}-{asked.metric}-{asked.at}",
                partial(figures.accuracy_against, results.chosen_for(other), **(common | changes)),
            )
    if spec.ranks_points:
        # The points of a search are in no order that a line could follow or a map could have.
        return
    if SENSITIVITY in kinds:
        for along in results.sensitivities():
            own: dict[str, Any] = {
                "x": along.spec.rows,
                "line": spec.columns,
                "per": along.spec.per,
            }
            yield (
                f"sensitivity-{along.spec.rows}",
                partial(
                    figures.accuracy_against, along.frame, ranges=True, **look, **own, **common
                ),
            )
    if PROFILE in kinds and measure.is_cost:
        of: dict[str, Any] = {"spec": spec, "measure": measure, **common}
        del of["metric"], of["task"]
        yield "profile", partial(figures.performance_profile, frame, **of)
    if CURVES in kinds:
        history = history_frame(results.trials, results.store)
        followed = common | {"metric": measure.followed}
        for part, draw in figures.curves_by_part(history, frame, **axes, **followed):
            yield f"curves-{part}", draw
    if HEAT_MAP in kinds:
        yield (
            "heatmap",
            partial(
                figures.heat_map,
                frame,
                rows=spec.rows,
                columns=spec.columns,
                per=spec.per,
                at=measure.at,
                na_if=spec.na_if,
                decimals=spec.decimals,
                **common,
            ),
        )
    if DIFFERENCES in kinds and (baseline or len(set(values_of(frame, spec.columns))) > 1):
        chosen: dict[str, Any] = {"at": measure.at, "baseline": baseline}
        yield "differences", partial(figures.paired_differences, frame, **chosen, **axes, **common)


def styled(named: Iterable[Named], style: "Style") -> Iterator[Named]:
    """The figures in the sizes and the font of a style; they are drawn at its width / scale."""
    from analysis.figures.writing.style import in_style

    for name, draw in named:
        yield name, partial(in_style, draw, style)


def save_figures(
    named: Iterable[Named], folder: Path, formats: Sequence[str], share: Share = ALL
) -> Iterator[Path]:
    """Write each figure in these formats to the folder as soon as it is drawn; yield the files.

    With a ``share``, only this writer's share of the figures.
    """
    for stem, draw in share_of(named, share):
        yield from save_one(draw, folder / stem, formats)


def share_of(named: Iterable[Named], share: Share) -> Iterator[Named]:
    """The figures of a writer's share, with the names of their files without suffix."""
    first, others = share
    taken: set[str] = set()
    for number, (name, draw) in enumerate(named):
        stem = unused(file_name(name), taken)
        taken.add(stem)
        if number % others == first:
            yield stem, draw


def save_one(draw: "Callable[[], Figure]", path: Path, formats: Sequence[str]) -> Iterator[Path]:
    """Draw a figure and write it in these formats; yield the files."""
    from analysis.figures import save_figure

    figure = draw()
    for form in formats:
        file = file_in(form, path)
        save_figure(figure, file)
        yield file


def file_in(form: str, path: Path) -> Path:
    """The file of a figure in this format; a figure's name may have dots."""
    return path.with_name(f"{path.name}.{form}")


def formats_for(path: Path, undrawn: Collection[Path] = ()) -> list[str]:
    """The formats of a figure of the sweep: also those of its files, so that none is outdated.

    ``undrawn`` are files that it had before figures were left out.
    """
    files = {form: file_in(form, path) for form in FORMATS}
    return [
        form
        for form, file in files.items()
        if form in FIGURE_FORMATS or file in undrawn or file.exists()
    ]


def in_every_format(path: Path) -> list[Path]:
    """The files that the figure of this file may have."""
    return [path.with_suffix(f".{form}") for form in FORMATS]


def unused(stem: str, taken: Collection[str]) -> str:
    """The name, with a number if another figure's name became the same file name."""
    numbered = (f"{stem}-{number}" for number in count(2))
    return next(name for name in chain((stem,), numbered) if name not in taken)


def shares_of(results: Results, kind: str, writers: int) -> list[Share]:
    """The shares of the writers in the figures of a kind: only learning curves are several."""
    if kind != CURVES:
        return [ALL]
    most = min(writers, len(positions_by(results.chosen(), results.spec.per)))
    return [(number, most) for number in range(most)]


def write_share(
    results: Results, kind: str, share: Share, undrawn: Collection[Path] = ()
) -> Attempts:
    """Write a share of the figures of a kind into the sweep's folder, as many as can be drawn.

    ``undrawn`` are files of figures as in :func:`formats_for`.
    """
    attempts, folder = Attempts(), results.store.figures_folder
    with attempts.attempt(f"figures/{kind}", *command_to_draw(kind)):
        for stem, draw in share_of(figures_of(results, (kind,)), share):
            with attempts.attempt(f"figures/{stem}", *command_to_draw(kind)):
                formats = formats_for(folder / stem, undrawn)
                for file in save_one(draw, folder / stem, formats):
                    attempts.written.append(file)
    return attempts


def command_to_draw(kind: str) -> tuple[str, ...]:
    """The words of the command that writes the figures of a kind."""
    return ("plot", "--figure", kind, "--format", ",".join(FIGURE_FORMATS))


def without_warnings(results: Results) -> Results:
    """The results for another process, which does not repeat warnings about unreadable records."""
    return replace(results, store=replace(results.store, unreadable=ignore))
