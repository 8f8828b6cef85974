"""What the documents list is what there is: exit codes, findings, extras, pages, public names."""

import configparser
import inspect
import re
import sys
from importlib import import_module

import typer
from documents import ROOT

from adaloss.tasks.data.parts import (
    TEST_FRACTION,
    VALIDATION_FRACTION,
    VALIDATION_FRACTION_OF_TRAIN,
)
from adaloss.tasks.fingerprints import OWN_FIELDS
from runners.cli import options
from runners.cli.app import app

DOCS = ROOT / "docs"
PUBLIC = ("adaloss", "adaloss.optim", "runners", "analysis", "analysis.figures")
# They are described with what they belong to.
IN_PASSING = {
    *("adaloss.optim.OPTIMIZERS", "adaloss.optim.OptimizerSpec", "adaloss.optim.RateName"),
    *("analysis.figures.COLUMN_INCHES", "analysis.figures.PAGE_INCHES", "runners.UserError"),
}
# For work on the tool itself.
OF_DEVELOPERS = {"test", "docs", "bench"}


def page(name):
    return (DOCS / name).read_text(encoding="utf-8")


def rows_after(text, header):
    """The cells of a Markdown table below its header and the line under that."""
    lines = text.partition(header)[2].split("\n\n")[0].splitlines()[2:]
    assert lines
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def names_in(function):
    """The names of its module that a function uses, also through others of the module."""
    module, todo, found = sys.modules[function.__module__], [function], set()
    while todo:
        for name in set(todo.pop().__code__.co_names) - found:
            value = vars(module).get(name)
            if value is not None:
                found.add(name)
            if inspect.isfunction(value) and value.__module__ == module.__name__:
                todo.append(value)
    return found


def test_each_command_has_the_exit_codes_that_are_listed():
    listed = {
        name: set(map(int, codes.split(", ")))
        for names, codes in rows_after(page("troubleshooting.md"), "| command | codes |")
        for name in re.findall(r"`(\w+)`", names)
    }
    used = {}
    for name, command in typer.main.get_command(app).commands.items():
        names = names_in(inspect.unwrap(command.callback))
        if codes := {vars(options)[each] for each in ("INCOMPLETE", "FAILED") if each in names}:
            used[name] = codes
    assert listed == used


def test_every_topic_of_doctor_has_a_row():
    rows = rows_after(page("troubleshooting.md"), "| about | warning | refused |")
    explained = {topic for about, *_ in rows for topic in about.split(", ")}
    files = [*(ROOT / "runners" / "preflight").rglob("*.py"), ROOT / "runners/cli/doctor.py"]
    source = "".join(path.read_text(encoding="utf-8") for path in files)
    topics = {
        *re.findall(r'(?:warning|refused)\(\s*"([^"]+)"', source),
        *re.findall(r'^ABOUT = "([^"]+)"', source, re.MULTILINE),
        # Folders, and own code or data that has changed.
        *("results", "data", "prepared data"),
        *OWN_FIELDS,
    }
    assert {"Ray", "storage", "W&B"} <= topics
    assert topics - explained == set()


def test_the_shares_of_validation_and_test_are_those_of_the_code():
    rows = rows_after(page("getting-started.md"), "| data | validation | test |")
    said = {share for cells in rows for text in cells for share in re.findall(r"(\d+) %", text)}
    shares = (VALIDATION_FRACTION, TEST_FRACTION, VALIDATION_FRACTION_OF_TRAIN)
    assert said == {f"{share:.0%}".removesuffix("%") for share in shares}


def test_every_extra_is_explained():
    setup = configparser.ConfigParser(interpolation=None)
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    rows = rows_after(page("install.md"), "| extra | what it adds |")
    extras = set(setup["options.extras_require"]) - OF_DEVELOPERS
    assert {name.strip("`") for name, _ in rows} == extras


def test_the_overview_of_the_site_names_every_page():
    pages = set(re.findall(r"^  - .+: (\S+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.MULTILINE))
    linked = set(re.findall(r"\]\(([^)#]+)\)", page("index.md")))
    # The notebook is a page of the site.
    linked |= {"notebook.md"} if "notebook.ipynb" in linked else set()
    of_the_repository = {"CONTRIBUTING.md", "CHANGELOG.md", "decisions/index.md"}
    assert pages - {"index.md"} - of_the_repository - linked == set()


def test_every_public_name_is_in_the_reference():
    described = set(re.findall(r"^::: (\S+)$", page("api.md"), re.MULTILINE))
    public = {f"{name}.{each}" for name in PUBLIC for each in import_module(name).__all__}
    # What `adaloss` exports is described where it is.
    public = {re.sub(r"^adaloss\.(?=\w+$)", "adaloss.optim.", name) for name in public}
    assert public - IN_PASSING - described == set()


def test_a_name_of_the_reference_is_exported_by_the_module_that_is_named_for_it():
    _, *parts = re.split(
        r"^Import (?:them|these) from `([\w.]+)`", page("api.md"), flags=re.MULTILINE
    )
    sections = list(zip(parts[::2], parts[1::2], strict=True))
    assert {module for module, _ in sections} == set(PUBLIC)
    for module, section in sections:
        described = re.findall(r"^::: (\S+)\.(\w+)$", section, re.MULTILINE)
        names = {name for owner, name in described if owner in PUBLIC}
        assert names
        assert names <= set(import_module(module).__all__)
