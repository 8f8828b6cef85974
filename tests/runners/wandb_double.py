"""A test double of W&B's server: what a run needs of it, on the loopback, with faults on request.

It speaks the part of the protocol that wandb 0.31 uses between ``init`` and ``finish``: the GraphQL
calls of runs, files, artifacts and views, and the file stream that carries the history. It keeps
what it was given, so that a test can look at it.
"""

import gzip
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

ENTITY = "team"
HISTORY, SUMMARY = "wandb-history.jsonl", "wandb-summary.json"
STALL_AT_MOST = 120.0


class ServedRun:
    """One run as the server has it."""

    def __init__(self, project: str, run_id: str) -> None:
        self.project, self.run_id = project, run_id
        self.config: dict[str, Any] = {}
        self.about: dict[str, Any] = {}
        self.lines: dict[int, dict[str, Any]] = {}
        self.times_a_line_was_sent: dict[int, int] = {}
        self.summary: dict[str, Any] = {}
        self.files: dict[str, bytes] = {}
        self.exit_code: int | None = None
        self.times_opened = 0

    @property
    def history(self) -> list[dict[str, Any]]:
        """The lines in order, each a dictionary of what was logged."""
        return [self.lines[number] for number in sorted(self.lines)]

    @property
    def steps(self) -> list[int]:
        return [line["_step"] for line in self.history]

    @property
    def state(self) -> str:
        return {None: "running", 0: "finished"}.get(self.exit_code, "failed")

    def as_bucket(self) -> dict[str, Any]:
        """The run as GraphQL gives it."""
        tail = [json.dumps(line) for line in self.history[-1:]]
        return {
            "__typename": "Run",
            "id": f"id-{self.run_id}",
            "internalId": f"internal-{self.run_id}",
            "name": self.run_id,
            "displayName": self.about.get("displayName"),
            "description": None,
            "summaryMetrics": json.dumps(self.summary),
            "config": json.dumps({name: {"value": value} for name, value in self.config.items()}),
            "sweepName": None,
            "state": self.state,
            "historyLineCount": len(self.lines),
            "historyKeys": {"lastStep": self.steps[-1] if self.lines else -1, "keys": {}},
            "logLineCount": 0,
            "eventsLineCount": 0,
            "historyTail": json.dumps(tail),
            "eventsTail": "[]",
            "tags": self.about.get("tags") or [],
            "notes": self.about.get("notes"),
            "group": self.about.get("groupName"),
            "jobType": self.about.get("jobType"),
            "project": project_of(self.project),
            "projectId": "1",
            "createdAt": "2026-01-01T00:00:00Z",
            "heartbeatAt": "2026-01-01T00:00:00Z",
            "commit": None,
            "readOnly": False,
            "user": {"name": "someone", "username": "someone"},
            "wandbConfig": json.dumps({"t": {}}),
        }


class Double:
    """The server's memory. ``fault``: None, a status such as 500, or "stall"; a status only where
    the path has ``fault_at``. Views of the ``refused_views``' types are not taken."""

    def __init__(self) -> None:
        self.fault: int | str | None = None
        self.fault_at = ""
        self.refused_views: set[str] = set()
        self.latency = 0.0
        self.runs: dict[str, ServedRun] = {}
        self.artifacts: list[dict[str, Any]] = []
        self.alerts: list[dict[str, Any]] = []
        self.views: dict[str, dict[str, Any]] = {}
        self.requests: list[str] = []
        self.unknown: list[str] = []
        self.authorized: set[str] = set()
        self.blobs: dict[str, bytes] = {}
        self.released = threading.Event()
        self.url = ""

    def answer(self, query: str, variables: dict[str, Any]) -> dict[str, Any]:
        """The data of a GraphQL call."""
        for marker, reply in REPLIES.items():
            if marker in query:
                try:
                    return reply(self, variables, query)
                except (KeyError, TypeError) as error:
                    self.unknown.append(f"{error!r} of {variables} in {query}")
                    return {}
        self.unknown.append(query)
        return {}

    def stream(self, project: str, run_id: str, body: dict[str, Any]) -> None:
        """Take one request of the file stream."""
        run = self.runs[run_id]
        for name, chunk in body.get("files", {}).items():
            for number, line in enumerate(chunk["content"], start=chunk["offset"]):
                if name == HISTORY:
                    run.lines[number] = json.loads(line)
                    sent = run.times_a_line_was_sent
                    sent[number] = sent.get(number, 0) + 1
                elif name == SUMMARY:
                    run.summary = json.loads(line)
        if body.get("complete"):
            run.exit_code = body.get("exitcode", 0)


def project_of(name: str) -> dict[str, Any]:
    return {
        "__typename": "Project",
        "id": f"id-{name}",
        "internalId": "1",
        "name": name,
        "entityName": ENTITY,
        "entity": {"id": "e", "name": ENTITY},
        "createdAt": "2026-01-01T00:00:00Z",
        "isBenchmark": False,
    }


def resume_status(double: Double, variables: dict[str, Any], _: str) -> dict[str, Any]:
    run = double.runs.get(variables["name"])
    bucket = run.as_bucket() if run else None
    return {"model": project_of(variables["project"]) | {"bucket": bucket}}


def upsert_bucket(double: Double, variables: dict[str, Any], _: str) -> dict[str, Any]:
    run_id = variables["name"]
    inserted = run_id not in double.runs
    run = double.runs.setdefault(run_id, ServedRun(variables["project"], run_id))
    if variables.get("groupName") is not None:
        run.times_opened += 1
        run.exit_code = None
    run.about |= {name: value for name, value in variables.items() if value is not None}
    if variables.get("config"):
        given = json.loads(variables["config"])
        run.config = {name: entry["value"] for name, entry in given.items()}
    return {"upsertBucket": {"bucket": run.as_bucket(), "inserted": inserted}}


def one_run(double: Double, variables: dict[str, Any], _: str) -> dict[str, Any]:
    run = double.runs.get(variables["name"])
    return {"project": project_of(variables["project"]) | {"run": run.as_bucket() if run else None}}


def create_run_files(double: Double, variables: dict[str, Any], _: str) -> dict[str, Any]:
    run = variables["run"]
    files = [
        {"name": name, "uploadUrl": f"{double.url}/upload/{run}/{name}"}
        for name in variables["files"]
    ]
    return {"createRunFiles": {"runID": f"id-{run}", "uploadHeaders": [], "files": files}}


def artifact_type(double: Double, variables: dict[str, Any], _: str) -> dict[str, Any]:
    return {"project": {"artifact": None}}


def server_features(double: Double, variables: dict[str, Any], _: str) -> dict[str, Any]:
    return {"serverInfo": {"features": []}}


def create_artifact(double: Double, variables: dict[str, Any], _: str) -> dict[str, Any]:
    double.artifacts.append(variables["input"])
    return {
        "createArtifact": {
            "artifact": {
                "id": f"artifact-{len(double.artifacts)}",
                "state": "PENDING",
                "artifactSequence": {"id": "s", "latestArtifact": None},
            }
        }
    }


def artifact_by_id(double: Double, variables: dict[str, Any], _: str) -> dict[str, Any]:
    given = double.artifacts[int(variables["id"].split("-")[1]) - 1]
    artifact = {
        "__typename": "Artifact",
        "id": variables["id"],
        "artifactSequence": {
            "__typename": "ArtifactSequence",
            "name": given["artifactCollectionName"],
            "project": project_of(given["projectName"]),
        },
        "versionIndex": 0,
        "artifactType": {"name": given["artifactTypeName"]},
        "description": None,
        "metadata": None,
        "ttlDurationSeconds": -1,
        "ttlIsInherited": False,
        "tags": [],
        "historyStep": None,
        "state": "COMMITTED",
        "size": 1,
        "digest": given["digest"],
        "commitHash": "c",
        "fileCount": 1,
        "createdAt": "2026-01-01T00:00:00Z",
        "updatedAt": None,
        "aliases": [],
    }
    return {"artifact": artifact}


def create_artifact_manifest(double: Double, variables: dict[str, Any], _: str) -> dict[str, Any]:
    name = f"manifest-{len(double.artifacts)}"
    file = {
        "id": name,
        "uploadUrl": f"{double.url}/upload/artifacts/{name}",
        "uploadHeaders": [],
        "displayName": name,
        "name": name,
    }
    return {"createArtifactManifest": {"artifactManifest": {"id": name, "file": file}}}


def create_artifact_files(double: Double, variables: dict[str, Any], _: str) -> dict[str, Any]:
    edges = [
        {
            "node": {
                "id": f"file-{given['name']}",
                "name": given["name"],
                "displayName": given["name"],
                "uploadUrl": f"{double.url}/upload/artifacts/{given['name']}",
                "uploadHeaders": [],
                "storagePath": given["name"],
                "uploadMultipartUrls": None,
                "artifact": {"id": given["artifactID"]},
            }
        }
        for given in variables["input"]["artifactFiles"]
    ]
    return {"createArtifactFiles": {"files": {"edges": edges}}}


def commit_artifact(double: Double, variables: dict[str, Any], _: str) -> dict[str, Any]:
    return {"commitArtifact": {"artifact": {"id": variables["artifactID"], "digest": "d"}}}


def notify(double: Double, variables: dict[str, Any], _: str) -> dict[str, Any]:
    double.alerts.append(variables)
    return {"notifyScriptableRunAlert": {"success": True}}


def upsert_view(double: Double, variables: dict[str, Any], _: str) -> dict[str, Any]:
    if variables["type"] in double.refused_views:
        return {"upsertView": None}
    view_id = variables.get("id") or f"view-{len(double.views)}"
    inserted = view_id not in double.views
    double.views[view_id] = variables | {"id": view_id}
    project = project_of(variables["projectName"])
    view = double.views[view_id] | {"project": project, "updatedAt": project["createdAt"]}
    return {"upsertView": {"view": view, "inserted": inserted}}


def project_id(double: Double, variables: dict[str, Any], _: str) -> dict[str, Any]:
    return {"project": project_of(variables["projectName"])}


def projects(double: Double, variables: dict[str, Any], _: str) -> dict[str, Any]:
    known = sorted({run.project for run in double.runs.values()} | {"adaloss"})
    page = {"__typename": "PageInfo", "endCursor": None, "hasNextPage": False}
    nodes = [project_of(name) | {"user": None} for name in known]
    return {"models": {"pageInfo": page, "edges": [{"node": node} for node in nodes]}}


def views(double: Double, variables: dict[str, Any], _: str) -> dict[str, Any]:
    found = [view for view in double.views.values() if view["name"] == variables["viewName"]]
    return {"project": {"allViews": {"edges": [{"node": view} for view in found]}}}


def viewer(double: Double, variables: dict[str, Any], _: str) -> dict[str, Any]:
    person = {
        "id": "v",
        "name": "someone",
        "username": "someone",
        "email": None,
        "admin": False,
        "entity": ENTITY,
        "flags": "{}",
        "apiKeys": {"edges": []},
        "teams": {"edges": [{"node": {"id": "e", "name": ENTITY}}]},
    }
    return {"viewer": person, "serverInfo": {"features": []}}


REPLIES = {
    "query RunResumeStatus": resume_status,
    "mutation UpsertBucket": upsert_bucket,
    "mutation CreateRunFiles": create_run_files,
    "query Run(": one_run,
    "query ArtifactType(": artifact_type,
    "query ArtifactByID": artifact_by_id,
    "mutation CreateArtifact (": create_artifact,
    "mutation CreateArtifactManifest": create_artifact_manifest,
    "mutation CreateArtifactFiles": create_artifact_files,
    "mutation CommitArtifact": commit_artifact,
    "query ServerFeatures": server_features,
    "mutation NotifyScriptableRunAlert": notify,
    "mutation UpsertView2(": upsert_view,
    "mutation upsertView(": upsert_view,
    "query View(": views,
    "query ProjectInternalId": project_id,
    "query GetProjects": projects,
    "iewer": viewer,
}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    double: Double

    def log_message(self, *_: Any) -> None:
        pass

    def serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        double = self.double
        double.requests.append(f"{self.command} {self.path}")
        double.authorized.add(self.headers.get("Authorization") or "")
        time.sleep(double.latency)
        if double.fault == "stall":
            double.released.wait(STALL_AT_MOST)
            self.close_connection = True
            return
        if isinstance(double.fault, int) and double.fault_at in self.path:
            self.reply(double.fault, b'{"errors": [{"message": "a fault of the test"}]}')
            return
        self.reply(200, json.dumps(self.take(body)).encode())

    do_GET = do_POST = do_PUT = serve  # noqa: N815

    def take(self, body: bytes) -> Any:
        double, path = self.double, self.path
        if path == "/graphql":
            call = json.loads(body)
            return {"data": double.answer(call["query"], call.get("variables") or {})}
        if path.endswith("/file_stream"):
            *_, project, run_id, _ = path.split("/")
            double.stream(project, run_id, json.loads(body))
        elif path.startswith("/upload/"):
            _, _, run_id, name = path.split("/", 3)
            if run_id in double.runs:
                double.runs[run_id].files[name] = body
            double.blobs[f"{run_id}/{name}"] = body
        return {}

    def reply(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        """A client that was killed is what some tests are about."""


@contextmanager
def serving() -> Iterator[Double]:
    """A double on a free port of the loopback."""
    double = Double()
    server = Server(("127.0.0.1", 0), type("BoundHandler", (Handler,), {"double": double}))
    double.url = f"http://127.0.0.1:{server.server_port}"
    # It looks as often as this whether it shall stop.
    often = {"poll_interval": 0.01}
    thread = threading.Thread(target=server.serve_forever, kwargs=often, daemon=True)
    thread.start()
    try:
        yield double
    finally:
        double.released.set()
        server.shutdown()
        server.server_close()
        thread.join()
