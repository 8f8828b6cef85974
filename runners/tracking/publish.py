"""Save a sweep's dashboard to W&B, the same one again and again, or to files without a login."""

import json
from dataclasses import dataclass
from pathlib import Path

import wandb
import wandb_workspaces.reports.v2 as wr
import wandb_workspaces.workspaces as ws
from pydantic import BaseModel, ConfigDict, ValidationError

from adaloss.store import Store
from adaloss.sweep import Sweep
from runners.tracking.dashboard import report_of, workspace_of
from runners.tracking.labels import labels_of_sweep
from runners.tracking.target import TargetError, one_line
from runners.tracking.wandb_runs import API_SECONDS


class Saved(BaseModel):
    """The dashboard that a project has of the sweep; ``where`` is server, entity and project."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    where: str
    digest: str
    workspace: str
    report: str = ""
    report_id: str = ""


@dataclass(frozen=True)
class Written:
    """The dashboard as files: the workspace as W&B keeps it, and the report's text."""

    workspace: Path
    report: Path


def publish(sweep: Sweep, store: Store, server: str, digest: str) -> Saved:
    """Save the workspace and the report, in place of those that were saved before.

    ``digest`` is the identity of what they show.

    Raises:
        TargetError: W&B does not take them.
    """
    labels = labels_of_sweep(sweep)
    path = store.root / "wandb" / "dashboard.json"
    try:
        entity = labels.entity or wandb.Api(timeout=API_SECONDS).default_entity or ""
        where = f"{server}/{entity}/{labels.project}"
        before = saved_before(path, where)
        workspace = workspace_of(sweep, entity, labels.project)
        if before is not None:
            workspace = in_place_of(before.workspace, workspace)
        workspace.save()
        saved = Saved(where=where, digest="", workspace=workspace.url)
        # At once: whatever becomes of the report, the workspace is not saved twice.
        store.write_text(path, saved.model_dump_json(indent=2) + "\n")
        report = report_of(sweep, entity, labels.project, chapters(store))
        save_report(report, before.report_id if before is not None else "")
        saved = Saved(
            where=where,
            digest=digest,
            workspace=workspace.url,
            report=report.url,
            report_id=report.id,
        )
    # Neither library says what it raises; a dashboard is never worth a sweep.
    except Exception as error:
        raise TargetError(f"the dashboard: {one_line(error)}") from error
    store.write_text(path, saved.model_dump_json(indent=2) + "\n")
    return saved


def save_report(report: wr.Report, report_id: str) -> None:
    """Save the report in place of the one with this id, or as a new one where that is gone."""
    if report_id:
        report.id = report_id
        try:
            report.save()
        except Exception:
            report.id = ""
    if not report.id:
        report.save()


def saved_for(store: Store, digest: str) -> Saved | None:
    """What was saved that shows this, None where nothing was."""
    try:
        saved = Saved.model_validate_json((store.root / "wandb" / "dashboard.json").read_bytes())
    except (FileNotFoundError, ValidationError):
        return None
    return saved if saved.digest == digest else None


def saved_before(path: Path, where: str) -> Saved | None:
    """What was saved there before, None where nothing was."""
    try:
        saved = Saved.model_validate_json(path.read_bytes())
    except (FileNotFoundError, ValidationError):
        return None
    return saved if saved.where == where else None


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
    # The only way that the library has to give it away without saving it.
    view = workspace._to_model()
    spec = json.loads(view.spec.model_dump_json(by_alias=True, exclude_none=True))
    store.write_text(written.workspace, json.dumps(spec, indent=2) + "\n")
    text = "".join(f"# {title}\n\n{body}\n\n" for title, body in chapters(store).items())
    store.write_text(written.report, f"{text}# The grid\n\n```yaml\n{sweep.text}```\n")
    return written


def chapters(store: Store) -> dict[str, str]:
    """The compiled tables' Markdown files, each below its name."""
    files = sorted(store.tables_folder.glob("*.md"))
    return {file.stem.replace("_", " ").capitalize(): file.read_text() for file in files}
