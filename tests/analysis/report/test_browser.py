"""The report in a real browser: what it draws, how it is used, and what may not run."""

import os
import shutil
from dataclasses import replace
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import urlsplit

import pytest
from patience import PATIENCE
from playwright.sync_api import sync_playwright

from adaloss.grid.sweep import load_sweep
from adaloss.records.result import Divergence, Provenance, TrialResult, TrialState
from adaloss.records.store import Store
from analysis.frame.frame import build_frame, history_frame
from analysis.report import failure_logs, report_html
from analysis.tables.page import Page, PlainTable, Section
from analysis.tables.tables import compile_tables

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium or Chrome here"),
]

HOSTILE = "<img src=x onerror='window.hacked=1'></script><script>window.hacked=2</script>"
GRID = """\
name: demo
metric: {{name: test/top1, goal: maximize, at: last}}
parameters:
  dataset: digits
  model: [{models}]
  optimizer: [adaloss, sgd_constant]
  b0: [0.1, 1, 10]
  lr: 0.5
  epochs: 3
  batch_size: 32
seeds: 2
"""
FIGURES = ("against", "curves", "heat")
PROVENANCE = Provenance(
    code_version="v1", python="3.11", packages={}, platform="Linux", device="cpu", threads=1
)


@pytest.fixture(scope="module")
def browser():
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        with_chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield with_chromium
        with_chromium.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("report")


@pytest.fixture
def epochs_and_end(ordinary_epoch):
    """A function that records the epochs and the end of a trial; sgd_constant diverges at 0.1."""

    def record(store, number, trial):
        store.open_trial(trial)
        diverged = trial.optimizer == "sgd_constant" and trial.b0 == 0.1
        epochs = [
            ordinary_epoch(
                50 + 10 * epoch + number**2 / 100,
                epoch=epoch,
                train_loss=(1 + number / 50) / epoch,
                b=trial.b0 + epoch,
                effective_lr=0.5 / (trial.b0 + epoch),
            )
            for epoch in range(1, 2 if diverged else 4)
        ]
        for metrics in epochs:
            store.append_metrics(trial, metrics)
        result = TrialResult(
            trial_id=trial.trial_id,
            state=TrialState.DIVERGED if diverged else TrialState.COMPLETE,
            epochs=len(epochs),
            last=None if diverged else epochs[-1],
            best_val=None if diverged else epochs[-1],
            divergence=Divergence(epoch=2, step=3, loss=1e9, reason="not finite")
            if diverged
            else None,
            seconds=1.0,
            finished_at="2026-03-01T12:00:00+00:00",
            provenance=PROVENANCE,
        )
        store.write_result(trial, result)

    return record


def written(folder, record, *, models="mlp, small_cnn", names=None, name="demo", pages=()):
    """The file of a report of made records; ``names`` replaces the models' names."""
    key = str(len(list(folder.iterdir())))
    grid = folder / f"grid{key}.yaml"
    grid.write_text(GRID.format(models=models))
    sweep = load_sweep(grid)
    of_model = names or {}
    trials = tuple(
        trial.model_copy(update={"model": of_model.get(trial.model, trial.model)})
        for trial in sweep.trials
    )
    sweep = replace(sweep, name=name, trials=trials)
    store = Store(folder / f"records{key}")
    for number, trial in enumerate(trials):
        record(store, number, trial)
    frame = build_frame(trials, store)
    html = report_html(
        sweep=sweep,
        frame=frame,
        history=history_frame(trials, store),
        tables=compile_tables(
            frame, sweep.tables, metric="test/top1", at="last", goal="maximize", sweep_name=name
        ),
        pages=pages,
        logs=failure_logs(frame, trials, store),
    )
    path = folder / f"report{key}.html"
    path.write_text(html)
    return path


class Opened:
    """A report in the browser, with all that the browser says and asks for."""

    def __init__(self, browser, path, **settings):
        self.page = browser.new_page(**settings)
        self.page.set_default_timeout(1000 * PATIENCE)
        self.console, self.asked = [], []
        self.page.on("console", lambda message: self.console.append(message.text))
        self.page.on("pageerror", lambda error: self.console.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(path.as_uri())
        self.page.wait_for_selector("html[data-figures=drawn]")

    def marks(self, figure):
        """The marks that carry data in a figure, as what draws them and where."""
        script = """figure => [...document.querySelectorAll(
            `#${figure} .mark-symbol:not(.role-legend-symbol) path,
             #${figure} .mark-rect:not(.role-legend-gradient) path,
             #${figure} .mark-line path`)].filter(mark => mark.getAttribute('d'))
            .map(mark => mark.getAttribute('d') + mark.getAttribute('transform'))"""
        return self.page.evaluate(script, figure)

    def settled(self, change):
        """Make a change and wait until the figures have followed it."""
        before = {figure: self.marks(figure) for figure in FIGURES}
        change()
        for _ in range(100):
            after = {figure: self.marks(figure) for figure in FIGURES}
            if after != before:
                break
            self.page.wait_for_timeout(20)
        self.page.wait_for_timeout(200)
        return before, {figure: self.marks(figure) for figure in FIGURES}


@pytest.fixture
def opened(browser, folder, epochs_and_end):
    """The report of twelve cells, of which two have diverged."""
    opened = Opened(browser, written(folder, epochs_and_end))
    yield opened
    opened.page.close()


def test_it_draws_without_a_word_and_without_the_network(opened):
    assert opened.console == []
    assert [urlsplit(url).scheme for url in opened.asked] == ["file"]
    figures = opened.page.locator(".view[role=graphics-document]:has(svg)")
    assert figures.count() == 6
    assert "against b0, small_cnn" in figures.nth(1).get_attribute("aria-label")


def test_what_diverged_is_marked_in_every_figure(opened):
    words = [
        opened.page.locator(f"#{figure} [aria-label*='sgd'], #{figure} [aria-label*='SGD']")
        for figure in FIGURES
    ]
    against, _, heat = (
        [mark.get_attribute("aria-label") for mark in found.all()] for found in words
    )
    assert sum("0.1, sgd_constant: N/A" in text for text in against) == 2
    assert sum("0.1, sgd_constant: N/A" in text for text in heat) == 2
    opened.settled(lambda: opened.page.get_by_label("b0", exact=True).select_option("0.1"))
    ends = opened.page.locator("#curves [aria-label*='diverged']")
    assert ends.count() == 4


def test_unticking_an_optimizer_takes_it_out_of_all_figures(opened):
    box = opened.page.get_by_role("checkbox", name="sgd_constant")
    before, after = opened.settled(box.uncheck)
    for figure in FIGURES:
        assert 0 < len(after[figure]) < len(before[figure])
    assert opened.page.locator(".entry:visible").count() == 2
    _, again = opened.settled(box.check)
    assert {figure: len(marks) for figure, marks in again.items()} == {
        figure: len(marks) for figure, marks in before.items()
    }
    assert opened.console == []


def test_choosing_a_metric_or_a_row_redraws_the_curves_alone(opened):
    for label, option in (("Metric", "test top-1 accuracy (%)"), ("b0", "10")):
        choice = opened.page.get_by_label(label, exact=True)
        before, after = opened.settled(lambda: choice.select_option(option))  # noqa: B023
        assert after["curves"] != before["curves"]
        assert after["against"] == before["against"]
        assert after["heat"] == before["heat"]
    assert opened.console == []


def test_a_mark_tells_its_numbers(opened):
    mark = opened.page.locator("#against .mark-symbol path[aria-label*='0.1, adaloss']").first
    mark.hover()
    tip = opened.page.locator("#vg-tooltip-element.visible")
    tip.wait_for()
    text = tip.inner_text()
    assert "mlp, 0.1, adaloss" in text
    assert "2 of 2" in text
    assert "0: 80.00; 1: 81.44" in text


def test_the_keyboard_reaches_every_control_in_order(opened):
    reached = []
    for _ in range(60):
        opened.page.keyboard.press("Tab")
        reached.append(
            opened.page.evaluate(
                "(a => a.className === 'skip' ? 'skip' : a.id || a.type || a.tagName)"
                "(document.activeElement)"
            )
        )
        if reached[-1] == "row":
            break
    assert reached[0] == "skip"
    assert reached.count("checkbox") == 2
    assert reached[-2:] == ["metric", "row"]
    opened.page.locator("#lines input").first.focus()
    before, after = opened.settled(lambda: opened.page.keyboard.press("Space"))
    assert len(after["heat"]) < len(before["heat"])


def test_focus_can_be_seen(opened):
    opened.page.keyboard.press("Tab")
    skip = opened.page.locator(".skip")
    assert skip.bounding_box()["y"] >= 0
    assert "solid" in skip.evaluate("link => getComputedStyle(link).outline")
    opened.page.keyboard.press("Enter")
    assert opened.page.evaluate("document.activeElement.id") == "main"


@pytest.mark.parametrize("width", [400, 1200])
def test_the_page_never_scrolls_sideways(browser, folder, epochs_and_end, width):
    long = {"mlp": "a_model_with_a_very_long_name." * 6}
    path = written(folder, epochs_and_end, names=long)
    opened = Opened(browser, path, viewport={"width": width, "height": 800})
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= width
    opened.page.close()


def test_it_prints(opened):
    # The width of A4 less a centimetre on either side.
    opened.page.set_viewport_size({"width": 718, "height": 900})
    opened.page.emulate_media(media="print")
    wide = (
        "[...document.querySelectorAll('table, figure, pre, svg')]"
        ".filter(element => element.getBoundingClientRect().right > 719).length"
    )
    assert opened.page.evaluate(wide) == 0
    assert opened.page.locator("#against svg").first.is_visible()
    assert not opened.page.locator("nav").is_visible()
    pdf = opened.page.pdf(format="A4")
    assert pdf.startswith(b"%PDF-")
    assert pdf.count(b"/Type /Page\n") >= 3


def test_hostile_names_run_nothing(browser, folder, epochs_and_end):
    opened = Opened(browser, written(folder, epochs_and_end, names={"mlp": HOSTILE}, name=HOSTILE))
    assert opened.page.evaluate("window.hacked") is None
    assert opened.page.locator("h1").inner_text() == HOSTILE
    assert opened.page.locator("#against .panel-title").first.inner_text() == HOSTILE
    mark = opened.page.locator("#against .mark-symbol path[aria-label*='0.1, adaloss']").first
    mark.hover()
    opened.page.locator("#vg-tooltip-element.visible").wait_for()
    assert HOSTILE in opened.page.locator("#vg-tooltip-element").inner_text()
    assert opened.page.locator("img").count() == 0
    assert opened.page.evaluate("window.hacked") is None
    assert opened.console == []
    opened.page.close()


WIDE = PlainTable(
    header=("first − second", *(f"the statistic {number}" for number in range(12)), "note"),
    rows=(("adagrad_norm − sgd_decay_sqrt", *["[-50.54, -15.98]"] * 12, "too many equal" * 3),),
    notes=1,
)


@pytest.mark.parametrize("width", [1440, 1024, 800, 390])
def test_a_wide_table_scrolls_in_its_box_and_nothing_is_cut(browser, folder, epochs_and_end, width):
    pages = (Page(title="demo: statistics", sections=(Section(title="wide", table=WIDE),)),)
    path = written(folder, epochs_and_end, pages=pages)
    opened = Opened(browser, path, viewport={"width": width, "height": 900})
    beyond = "() => document.documentElement.scrollWidth - window.innerWidth"
    assert opened.page.evaluate(beyond) <= 0
    box = opened.page.locator(".wide[aria-label=wide]")
    hidden, reached = box.evaluate(
        """box => {
            const hidden = box.scrollWidth - box.clientWidth;
            box.scrollLeft = hidden;
            const last = box.querySelector('td:last-child').getBoundingClientRect();
            return [hidden, last.right <= box.getBoundingClientRect().right + 1];
        }"""
    )
    assert hidden > 0
    assert reached
    assert "linear-gradient" in box.evaluate("box => getComputedStyle(box).backgroundImage")
    opened.page.set_viewport_size({"width": 718, "height": 900})
    opened.page.emulate_media(media="print")
    assert box.evaluate("box => box.scrollWidth - box.clientWidth") <= 0
    opened.page.close()


@pytest.fixture
def visited():
    """A server, as its address and the list of what it was asked for."""
    paths = []

    class Listener(BaseHTTPRequestHandler):
        def do_GET(self):
            paths.append(self.path)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *arguments):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Listener) as server:
        Thread(target=partial(server.serve_forever, 0.01), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", paths
        server.shutdown()


def test_what_gets_into_the_page_can_neither_run_nor_call_home(opened, visited):
    address, paths = visited
    outcome = opened.page.evaluate(
        """async address => {
            const script = document.createElement('script');
            script.textContent = 'window.hacked = 1';
            document.body.append(script);
            const image = `<img src="${address}/image" onerror="window.hacked = 2">`;
            document.body.insertAdjacentHTML('beforeend', image);
            setTimeout('window.hacked = 3');
            const fetched = await fetch(address).then(() => 'fetched', error => error.name);
            await new Promise(done => setTimeout(done, 100));
            return [window.hacked ?? null, fetched];
        }""",
        address,
    )
    assert outcome == [None, "TypeError"]
    # The script, the handler, the text for setTimeout, the image and the fetch.
    assert sum("Content Security Policy" in text for text in opened.console) >= 5
    assert paths == []


def test_many_parts_are_shown_one_at_a_time(browser, folder, epochs_and_end):
    models = "mlp, small_cnn, cifar_resnet20, resnet18, resnet34, resnet50, vit_small_patch16_224"
    opened = Opened(browser, written(folder, epochs_and_end, models=models))
    assert opened.page.locator("#against .panel").count() == 1
    choice = opened.page.get_by_label("In all figures, show")
    before, after = opened.settled(lambda: choice.select_option("resnet34"))
    assert opened.page.locator("#curves .panel-title").inner_text() == "resnet34"
    assert all(after[figure] != before[figure] for figure in ("against", "curves"))
    assert opened.console == []
    opened.page.close()


def test_what_diverged_stands_in_a_labelled_band_where_something_did(opened):
    def band(figure):
        """The opacity of the first panel's band, its top and bottom, and what is drawn in it."""
        return opened.page.evaluate(
            """figure => {
                const view = document.querySelector(`#${figure} .view`);
                const strip = [...view.querySelectorAll('.mark-rect path')]
                    .find(path => path.getAttribute('fill') === '#EBEBEB');
                const name = [...view.querySelectorAll('.mark-text text')]
                    .find(text => text.textContent === 'diverged');
                const box = strip.getBoundingClientRect();
                const middles = path => {
                    const at = path.getBoundingClientRect();
                    return at.top + at.height / 2;
                };
                const marks = [...view.querySelectorAll('.mark-symbol path')].filter(
                    path => path.getAttribute('d') && path.getAttribute('aria-label'));
                const ticks = [...view.querySelectorAll('.role-axis-tick line')]
                    .filter(tick => tick.getAttribute('x2') !== '0').map(middles);
                const inside = y => y > box.top + 0.5 && y < box.bottom - 0.5;
                return {
                    shown: [strip, name].map(mark => mark.getAttribute('opacity') ?? '1'),
                    crosses: marks.filter(m => inside(middles(m)))
                        .map(m => m.getAttribute('aria-label')),
                    ticks: ticks.filter(inside).length,
                };
            }""",
            figure,
        )

    against = band("against")
    assert against["shown"] == ["1", "1"]
    assert len(against["crosses"]) == 1
    assert "sgd_constant: N/A" in against["crosses"][0]
    assert against["ticks"] == 0
    # At b0 = 1 nothing diverged, at 0.1 sgd_constant did.
    assert band("curves")["shown"] == ["0", "0"]
    opened.settled(lambda: opened.page.get_by_label("b0", exact=True).select_option("0.1"))
    for metric in ("training loss (nats)", "test top-1 accuracy (%)"):
        opened.settled(
            lambda metric=metric: opened.page.get_by_label("Metric").select_option(metric)
        )
        curves = band("curves")
        assert curves["shown"] == ["1", "1"]
        assert curves["crosses"]
        assert all("diverged" in words for words in curves["crosses"])
        assert curves["ticks"] == 0
