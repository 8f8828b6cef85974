"""Whether the trials can go to W&B: as asked, with a login, to a server that answers."""

import base64
import json
from collections.abc import Iterator

from adaloss.grid.schema.schema import WandbMode
from runners.preflight.ask import SECONDS, Answer, Question, answers
from runners.preflight.finding import Finding, fine, refused, warning
from runners.preflight.planned import Planned
from runners.preflight.wandb.account import Account, account
from runners.tracking.labels import label_problems

ABOUT = "W&B"
LATER = "the trials run all the same; `adaloss-sweep sync` uploads them later"
VIEWER = json.dumps({"query": "query Viewer { viewer { id } }"}).encode()
REFUSALS = (401, 403)


def wandb(mode: WandbMode, seconds: float = SECONDS) -> Finding:
    """What comes of the trials' runs; the server is asked, for so many seconds, if it matters."""
    if mode == "disabled":
        return fine(ABOUT, "disabled")
    if mode == "offline":
        return fine(ABOUT, "offline: runs are written beside the records, and `sync` uploads them")
    login = account()
    if not login.has_login:
        return without_login(mode, login)
    (given,) = answers([question(login)], seconds)
    return with_login(login, given)


def without_login(mode: WandbMode, login: Account) -> Finding:
    """No key: runs are written on this disk, whether that was asked for or not."""
    found = f"no login for {login.server}: runs are written beside the records"
    if mode == "online":
        return warning(ABOUT, f"online is asked for, and there is {found}", "`wandb login`")
    return fine(ABOUT, found)


def question(login: Account) -> Question:
    """Who is it that logs in? Without a key, is there anybody?"""
    if login.key is None:
        return Question(what=ABOUT, url=login.server)
    credentials = base64.b64encode(f"api:{login.key}".encode()).decode()
    return Question(
        what=ABOUT,
        url=f"{login.server}/graphql",
        body=VIEWER,
        headers={"Authorization": f"Basic {credentials}", "Content-Type": "application/json"},
    )


def with_login(login: Account, given: Answer) -> Finding:
    """What the server says to the login."""
    if given.status is None:
        return warning(ABOUT, f"{login.server} does not answer ({given.why})", LATER)
    if given.status in REFUSALS or knows_nobody(given):
        found = f"{login.server} does not accept the login"
        return warning(ABOUT, found, f"`wandb login --relogin`; {LATER}")
    if given.status >= 500:
        return warning(ABOUT, f"{login.server} has trouble (status {given.status})", LATER)
    return fine(ABOUT, f"online: {login.server} answers and there is a login for it")


def knows_nobody(given: Answer) -> bool:
    """Whether the server answers in its own form that it does not know who asks."""
    try:
        told = json.loads(given.body)
    except ValueError:
        return False
    data = told.get("data") if isinstance(told, dict) else None
    return isinstance(data, dict) and "viewer" in data and data["viewer"] is None


ADVICE = "change the grid's wandb section, or W&B's variable that says it, or --wandb disabled"


def labels(planned: Planned) -> Iterator[Finding]:
    """What the server would refuse: offline too, where it would be said only by the upload."""
    if planned.mode != "disabled":
        for problem in label_problems(planned.sweep, planned.trials):
            yield refused("W&B", problem, ADVICE)
