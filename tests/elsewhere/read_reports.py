"""A sweep's report, read like a browser reads it."""

import json
from html.parser import HTMLParser

from analysis.frame.frame import build_frame, history_frame
from analysis.report import failure_logs, report_html
from analysis.tables.tables import compile_tables

GRID = """\
name: demo
description: Does it work?
method: grid
metric: {name: test/top1, goal: maximize, at: last}
parameters:
  dataset: digits
  model: mlp
  optimizer: [adaloss, sgd_constant]
  b0: [0.1, 1]
  lr: 0.5
  epochs: 2
  batch_size: 32
seeds: 2
"""


class Read(HTMLParser):
    """The elements of a page, its visible text, and the content of its scripts."""

    def __init__(self, html):
        super().__init__()
        self.elements, self.texts, self.scripts, self.inside = [], [], [], None
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self.inside = tag
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag):
        self.inside = None

    def handle_data(self, data):
        if self.inside == "script":
            self.scripts[-1] += data
        elif self.inside != "style":
            self.texts.append(data)

    def count(self, tag):
        return sum(name == tag for name, _ in self.elements)

    @property
    def text(self):
        return " ".join(" ".join(self.texts).split())

    @property
    def data(self):
        return json.loads(self.scripts[0])


def report_of(sweep, records, **changes):
    """The report of these records."""
    frame = build_frame(sweep.trials, records.store)
    metric = sweep.grid.metric
    tables = compile_tables(
        frame,
        sweep.tables,
        metric=metric.name,
        at=metric.at,
        goal=metric.goal,
        sweep_name=sweep.name,
    )
    arguments = {
        "sweep": sweep,
        "frame": frame,
        "history": history_frame(sweep.trials, records.store),
        "tables": tables,
        "logs": failure_logs(frame, sweep.trials, records.store),
    }
    return report_html(**arguments | changes)


def finish(sweep, records, ends=None, **changes):
    """Give every trial its end: an accuracy, unless ``ends`` says otherwise by position."""
    for number, trial in enumerate(sweep.trials):
        end = (ends or {}).get(number, 90.0 + number)
        if end == "diverged":
            records.diverge(trial, epochs=1, **changes)
        elif end == "failed":
            records.fail(trial, **changes)
        elif end != "missing":
            records.complete(trial, end, **changes)
