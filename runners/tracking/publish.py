"""Save a sweep's dashboard to W&B, replacing the previous one, or to files without a login."""

import json
from dataclasses import dataclass
from pathlib import Path

import wandb
import wandb_workspaces.workspaces as ws
from pydantic import BaseModel, ConfigDict, ValidationError

from adaloss.grid.sweep import Sweep
from adaloss.records.store import Store
from runners.tracking.dashboard import report_of, workspace_of
from runners.tracking.labels import labels_of_sweep
from runners.tracking.target import TargetError, one_line
from runners.tracking.wandb_runs import API_SECONDS


class Saved(BaseModel):
    """The sweep's saved dashboard; ``where`` is server, entity and project."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    where: str
    digest: str
    workspace: str
    report: str = ""
    report_id: str = ""


@dataclass(frozen=True)
class Written:
    """The dashboard as files: the workspace in W&B's format, and the report's text."""

    workspace: Path
    report: Path


def publish(sweep: Sweep, store: Store, server: str, digest: str) -> Saved:
    """Save the workspace and the report, replacing those saved before.

    ``digest`` identifies their content.

    Raises:
        TargetError: W&B does not accept them.
    """
    labels = labels_of_sweep(sweep)
    path = dashboard_file(store)
    try:
        entity = labels.entity or wandb.Api(timeout=API_SECONDS).default_entity or ""
        where = f"{server}/{entity}/{labels.project}"
        before = read_saved(path)
        if before is not None and before.where != where:
            before = None
        workspace = workspace_of(sweep, entity, labels.project)
        if before is not None:
            workspace = in_place_of(before.workspace, workspace)
        workspace.save()
        saved = Saved(
            where=where,
            digest="",
            workspace=workspace.url,
            report=before.report if before is not None else "",
            report_id=before.report_id if before is not None else "",
        )
        # Write at once: if the report fails, the workspace must not be created a second time.
        store.write_text(path, saved.model_dump_json(indent=2) + "\n")
        report = report_of(sweep, entity, labels.project, chapters(store))
        report.id = saved.report_id
        report.save()
        saved = saved.model_copy(
            update={"digest": digest, "report": report.url, "report_id": report.id}
        )
    # Neither library documents its exceptions, and a dashboard must not break a sweep.
    except Exception as error:
        raise TargetError(
            f"the dashboard: {one_line(error)} (if it was deleted in W&B, delete {path} too)"
        ) from error
    store.write_text(path, saved.model_dump_json(indent=2) + "\n")
    return saved


def read_saved(path: Path) -> Saved | None:
    """The dashboard that was saved last, None without one."""
    try:
        return Saved.model_validate_json(path.read_bytes())
    except (FileNotFoundError, ValidationError):
        return None


def is_shown(store: Store, digest: str) -> bool:
    """Whether what was saved last shows this."""
    saved = read_saved(dashboard_file(store))
    return saved is not None and saved.digest == digest


def dashboard_file(store: Store) -> Path:
    """Where it is kept what was saved."""
    return store.root / "wandb" / "dashboard.json"


def in_place_of(url: str, new: ws.Workspace) -> ws.Workspace:
    """The saved workspace with the content of the new one; the new one if it is gone."""
    try:
        saved: ws.Workspace = ws.Workspace.from_url(url)
    except (ValueError, LookupError):
        return new
    saved.sections, saved.settings = new.sections, new.settings
    saved.runset_settings = new.runset_settings
    return saved


def write_files(sweep: Sweep, store: Store) -> Written:
    """Write what :func:`publish` would save: the workspace's JSON and the report's Markdown."""
    labels = labels_of_sweep(sweep)
    workspace = workspace_of(sweep, labels.entity or "", labels.project)
    folder = store.root / "wandb" / "dashboard"
    written = Written(folder / "workspace.json", folder / "report.md")
    # The library offers no other way to get it without saving it.
    view = workspace._to_model()
    spec = json.loads(view.spec.model_dump_json(by_alias=True, exclude_none=True))
    store.write_text(written.workspace, json.dumps(spec, indent=2) + "\n")
    text = "".join(f"# {title}\n\n{body}\n\n" for title, body in chapters(store).items())
    store.write_text(written.report, f"{text}# The grid\n\n```yaml\n{sweep.text}```\n")
    return written


def chapters(store: Store) -> dict[str, str]:
    """The compiled tables' Markdown files, each below its name."""
    files = sorted(store.tables_folder.glob("*.md"))
    return {
        file.stem.replace("_", " ").capitalize(): file.read_text(encoding="utf-8") for file in files
    }
