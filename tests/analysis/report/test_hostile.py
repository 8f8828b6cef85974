"""Text of users stays text in a report, and only the page's own scripts run."""

import base64
import hashlib
from dataclasses import replace

from read_reports import GRID, Read, finish, report_of

from analysis.tables.page import Page, Section

HOSTILE = """<img src=x onerror="alert(1)"></script><script>alert(2)</script>'"&<!--"""


def hostile_report(sweep, records):
    """A report in which every name is hostile."""
    trials = tuple(trial.model_copy(update={"model": HOSTILE}) for trial in sweep.trials)
    grid = sweep.grid.model_copy(update={"description": HOSTILE})
    hostile = replace(
        sweep,
        name=HOSTILE,
        text=GRID + f"# {HOSTILE}\n",
        trials=trials,
        grid=grid,
        axes={**sweep.axes, "model": (HOSTILE,)},
        notes=(HOSTILE,),
    )
    finish(hostile, records, {0: "missing", 1: "diverged"}, code=HOSTILE)
    records.fail(trials[0], message=HOSTILE)
    records.store.log_path(trials[0]).write_text(HOSTILE)
    page = Page(title=HOSTILE, sections=(Section(title=HOSTILE, before=(HOSTILE,)),))
    return report_of(hostile, records, pages=[page], selection=HOSTILE)


def test_hostile_names_stay_text(declared, records):
    html = hostile_report(declared(), records)
    page = Read(html)
    assert page.count("img") == 0
    assert page.count("script") == 3
    assert page.count("b") == 0
    assert "".join(page.texts).count(HOSTILE) > 15
    assert "<" not in page.scripts[0]
    assert page.data["parts"] == [HOSTILE]
    assert not any(name.startswith("on") for _, attrs in page.elements for name in attrs)


def test_nothing_but_the_pages_own_scripts_may_run(declared, records):
    sweep = declared()
    finish(sweep, records)
    page = Read(report_of(sweep, records))
    (policy,) = (
        attrs["content"]
        for _, attrs in page.elements
        if attrs.get("http-equiv") == "Content-Security-Policy"
    )
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    hashes = [
        f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
        for script in page.scripts[1:]
    ]
    assert rules["default-src"] == "'none'"
    assert rules["script-src"].split() == hashes
    assert not any("src" in attrs for _, attrs in page.elements)
    assert all(attrs["href"].startswith("#") for _, attrs in page.elements if "href" in attrs)
