"""Runs of W&B, offline on this disk or online: the only module that imports wandb."""

import os
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import wandb
from pydantic import ValidationError

from adaloss.records.printable import shortened
from adaloss.records.result import EpochMetrics, TrialState
from runners.tracking.labels import Labels
from runners.tracking.target import TargetError, one_line

EPOCH = "epoch"
FINISHED_AT = "finished_at"
INIT_SECONDS = 30.0
FINISH_SECONDS = 60.0
API_SECONDS = 20
# W&B refuses a title of 64 characters.
LONGEST_TITLE = 60
PAUSES_UNTIL_SEEN = (0.0, 1.0, 3.0)


@dataclass(frozen=True)
class Login:
    """Whether this machine has a key for the server, and which server that is."""

    server: str
    known: bool


def login() -> Login:
    """Look for a key in W&B's places: the environment, netrc, its settings; never prompt.

    Raises:
        TargetError: W&B does not accept a setting, such as the server's address.
    """
    try:
        # With settings that say offline, W&B would report no key.
        server = str(wandb.setup(wandb.Settings(mode="online")).settings.base_url)
    except ValidationError as error:
        first = error.errors()[0]
        name, why = str(first["loc"][0]), first["msg"].removeprefix("Value error, ")
        raise TargetError(
            f"WANDB_{name.upper()}, or {name} in W&B's settings: {one_line(ValueError(why))}"
        ) from error
    except wandb.errors.UsageError as error:
        raise TargetError(one_line(error)) from error
    try:
        return Login(server, wandb.login(prompt=False))
    except wandb.errors.UsageError:
        return Login(server, False)
    except wandb.errors.AuthenticationError:
        # There is a key; the first run will report why the server refuses it.
        return Login(server, True)


@dataclass(frozen=True)
class WandbTarget:
    """Each trial is a run of W&B below ``folder``; ``server`` is only for messages.

    Offline, a run is always written from its start: two files of a run would both begin at step 0.
    """

    mode: Literal["online", "offline"]
    folder: Path
    server: str

    @cached_property
    def api(self) -> wandb.Api:
        """The server's public API, asked for its user once."""
        return wandb.Api(timeout=API_SECONDS)

    @property
    def name(self) -> str:
        """The mode, because offline and online runs have separate ledgers."""
        return self.mode

    @property
    def at_once(self) -> int:
        """Eight uploads online; one run offline, where the processor is the limit."""
        return 8 if self.mode == "online" else 1

    def where(self, labels: Labels) -> str:
        """Server, entity and project."""
        if self.mode == "offline":
            return labels.project
        return f"{self.server}/{labels.entity or ''}/{labels.project}"

    def open(self, labels: Labels, config: Mapping[str, Any]) -> "WandbRun":
        """Start the run; online, a run that the server has continues where it stopped."""
        place = self.folder / self.mode / labels.run_id
        # Left by a mirror that was killed; the records have all of it.
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        try:
            run = wandb.init(
                mode=self.mode,
                dir=str(place),
                id=labels.run_id,
                project=labels.project,
                entity=labels.entity,
                group=labels.group,
                job_type=labels.job_type,
                name=labels.name,
                notes=labels.notes,
                tags=labels.tags,
                config=dict(config),
                resume="allow",
                reinit="create_new",
                settings=lean_settings(),
            )
        except (wandb.errors.Error, OSError) as error:
            raise TargetError(one_line(error)) from error
        run.define_metric(EPOCH)
        run.define_metric("*", step_metric=EPOCH)
        return WandbRun(
            run=run,
            labels=labels,
            config=config,
            api=(lambda: self.api) if self.mode == "online" else None,
            place=place,
        )

    def put_files(
        self, labels: Labels, files: Mapping[str, Path], numbers: Mapping[str, Any], figure: str
    ) -> None:
        """Log an artifact for each file, with its name as type, and the numbers as summary."""
        opened = self.open(labels, {"sweep": labels.name})
        media: dict[str, Any] = {}
        for name, path in files.items():
            artifact = wandb.Artifact(f"{labels.name}-{name}", type=name)
            if path.is_dir():
                artifact.add_dir(str(path))
            else:
                artifact.add_file(str(path))
            logged = opened.run.log_artifact(artifact)
            media |= media_in(path, name, figure)
            if self.mode == "online":
                taken(logged, name)
        if media:
            opened.run.log(media)
        opened = replace(opened, shown=frozenset(media))
        opened.finish(TrialState.COMPLETE, numbers, {}, Path())

    def alert(self, labels: Labels, title: str, text: str) -> None:
        """Send an alert from the sweep's own run.

        Raises:
            TargetError: the target cannot be reached, or refuses the run.
        """
        opened = self.open(labels, {"sweep": labels.name})
        opened.run.alert(shortened(title, LONGEST_TITLE), text)
        try:
            opened.run.finish()
        except (TimeoutError, wandb.errors.Error, OSError) as error:
            raise TargetError(one_line(error)) from error
        shutil.rmtree(opened.place, ignore_errors=True)


@dataclass(frozen=True, kw_only=True)
class WandbRun:
    """A run of W&B that is open.

    ``shown`` are the names of its pictures, which W&B has in its summary.
    """

    run: wandb.Run
    labels: Labels
    config: Mapping[str, Any]
    api: Callable[[], wandb.Api] | None
    place: Path
    shown: frozenset[str] = frozenset()

    @property
    def next_epoch(self) -> int:
        """The step after the server's last one; 0 for a new run."""
        return self.run.starting_step

    @property
    def folder(self) -> Path | None:
        """W&B's folder of the run, which has its directory of files."""
        return Path(self.run.dir).parent if self.api is None else None

    @property
    def url(self) -> str | None:
        """The run's page."""
        return None if self.api is None else self.run.url

    def log(self, metrics: EpochMetrics) -> None:
        """Log one epoch, which is the step."""
        record = metrics.line()
        known = {name: value for name, value in record.items() if value is not None}
        # Without commit, W&B would hold the line back until the next one.
        self.run.log(known, step=metrics.epoch, commit=True)

    def finish(
        self, state: TrialState, summary: Mapping[str, Any], config: Mapping[str, Any], log: Path
    ) -> None:
        """Finish the run: a diverged one gets a tag, a failed one exit code 1 and its log."""
        failed = state is TrialState.FAILED
        # Replace all tags: a retry that completes must lose the tag "failed".
        ended = () if state is TrialState.COMPLETE else (state.value,)
        if set(self.run.tags or ()) != {*self.labels.tags, *ended}:
            self.run.tags = (*self.labels.tags, *ended)
        if config != self.config:
            self.run.config.update(dict(config), allow_val_change=True)
        # What an earlier attempt has left there goes. W&B's own names begin with an underscore.
        there = self.run.summary.keys()
        gone = {n: None for n in there if not n.startswith("_") and n not in self.shown}
        self.run.summary.update(gone | dict(summary))
        if failed and log.is_file():
            self.run.save(str(log), base_path=str(log.parent), policy="now")
        try:
            self.run.finish(exit_code=1 if failed else 0)
        except (TimeoutError, wandb.errors.Error, OSError) as error:
            raise TargetError(f"run {self.labels.run_id}: {one_line(error)}") from error
        if self.api is not None:
            self.confirm(self.api, summary.get(FINISHED_AT))
            # The server and the records have everything.
            shutil.rmtree(self.place, ignore_errors=True)

    def confirm(self, api: Callable[[], wandb.Api], finished_at: str | None) -> None:
        """Ask the server whether it has the end: W&B does not report a refused upload."""
        for pause in PAUSES_UNTIL_SEEN:
            time.sleep(pause)
            try:
                seen = api().run(self.run.path)
                if pause:
                    # The first answer is cached.
                    seen.load(force=True)
                if seen.summary_metrics.get(FINISHED_AT) == finished_at:
                    return
            except (wandb.errors.Error, ValueError, OSError) as error:
                raise TargetError(f"run {self.labels.run_id}: {one_line(error)}") from error
        raise TargetError(f"run {self.labels.run_id}: the server did not accept everything")


def taken(artifact: wandb.Artifact, name: str) -> None:
    """Wait until the server has the artifact: otherwise a refusal would go unnoticed.

    Raises:
        TargetError: the server has not accepted it.
    """
    try:
        artifact.wait(timeout=int(FINISH_SECONDS))
    except (ValueError, wandb.errors.Error, OSError) as error:
        raise TargetError(f"the {name}: {one_line(error)}") from error


def media_in(folder: Path, name: str, figure: str) -> dict[str, Any]:
    """The pictures and HTML files of a folder, which W&B can show.

    The dashboard shows those by the folder's name: the ``figure`` or else the first picture, and
    the page that is named so.
    """
    found: dict[str, Any] = {}
    pictures = [file.stem for file in sorted(folder.glob("*.png"))]
    # The name of a row may have characters that the name of a file has not.
    shown = figure if figure in pictures else next(iter(pictures), "")
    for file in sorted(folder.glob("*")):
        key = name if file.stem in (name, shown) else f"{name}/{file.stem}"
        if file.suffix == ".png":
            found[key] = wandb.Image(str(file))
        elif file.suffix == ".html":
            found[key] = wandb.Html(str(file))
    return found


def lean_settings() -> wandb.Settings:
    """Capture nothing but what is logged: capturing makes a run cost a second."""
    # The user's environment has priority.
    patience = {} if "WANDB_INIT_TIMEOUT" in os.environ else {"init_timeout": INIT_SECONDS}
    return wandb.Settings(
        console="off",
        silent=True,
        disable_git=True,
        disable_code=True,
        x_disable_stats=True,
        x_disable_machine_info=True,
        x_save_requirements=False,
        finish_timeout=FINISH_SECONDS,
        finish_timeout_raises=True,
        **patience,
    )
