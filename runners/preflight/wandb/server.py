"""Whether the trials can be uploaded to W&B: mode, login, server and labels."""

import base64
import json
from collections.abc import Iterator

from adaloss.grid.schema.schema import WandbMode
from runners.preflight.finding import Finding, fine, refused, warning
from runners.preflight.planned import Planned
from runners.preflight.servers import SECONDS, Answer, Question, answers
from runners.preflight.wandb.account import Account, account
from runners.tracking.labels import label_problems

ABOUT = "W&B"
LATER = "the trials run anyway; `adaloss-sweep sync` uploads them later"
VIEWER = json.dumps({"query": "query Viewer { viewer { id } }"}).encode()
REFUSALS = (401, 403)


def wandb(mode: WandbMode, seconds: float = SECONDS) -> Finding:
    """Check W&B's mode and login; the server is asked, for this many seconds, if it is needed."""
    if mode == "disabled":
        return fine(ABOUT, "disabled")
    if mode == "offline":
        return fine(ABOUT, "offline: runs are written next to the records; `sync` uploads them")
    login = account()
    if not login.has_login:
        return without_login(mode, login)
    (received,) = answers([question(login)], seconds)
    return with_login(login, received)


def without_login(mode: WandbMode, login: Account) -> Finding:
    """The finding without a key: runs are written to this disk."""
    found = f"no login for {login.server}: runs are written next to the records"
    if mode == "online":
        return warning(ABOUT, f"the mode is online, and there is {found}", "run `wandb login`")
    return fine(ABOUT, found)


def question(login: Account) -> Question:
    """Ask the server for the key's user; without a key, ask whether it answers."""
    if login.key is None:
        return Question(what=ABOUT, url=login.server)
    credentials = base64.b64encode(f"api:{login.key}".encode()).decode()
    return Question(
        what=ABOUT,
        url=f"{login.server}/graphql",
        body=VIEWER,
        headers={"Authorization": f"Basic {credentials}", "Content-Type": "application/json"},
    )


def with_login(login: Account, received: Answer) -> Finding:
    """The finding from the server's answer to the login."""
    if received.status is None:
        return warning(ABOUT, f"{login.server} does not answer ({received.why})", LATER)
    if received.status in REFUSALS or is_unknown_user(received):
        found = f"{login.server} does not accept the login"
        return warning(ABOUT, found, f"run `wandb login --relogin`; {LATER}")
    if received.status >= 500:
        return warning(ABOUT, f"{login.server} fails (status {received.status})", LATER)
    return fine(ABOUT, f"online: {login.server} answers and there is a login for it")


def is_unknown_user(received: Answer) -> bool:
    """Whether the server answers that the key belongs to no user."""
    try:
        answer = json.loads(received.body)
    except ValueError:
        return False
    data = answer.get("data") if isinstance(answer, dict) else None
    return isinstance(data, dict) and "viewer" in data and data["viewer"] is None


ADVICE = "change the grid's wandb section or W&B's environment variable, or use --wandb disabled"


def labels(planned: Planned) -> Iterator[Finding]:
    """Labels that the server would refuse; checked offline too, because an upload may follow."""
    if planned.mode != "disabled":
        for problem in label_problems(planned.sweep, planned.trials):
            yield refused("W&B", problem, ADVICE)
