"""Links and paths in the documents lead somewhere."""

import re
from pathlib import Path

import pytest
from documents import DOCUMENTS, ROOT, named, prose

LINK = re.compile(r"(?<!`)!?\[[^]]*\]\(([^)\s]+)\)")
INLINE = re.compile(r"`([^`\n]+)`")
FOLDERS = ("adaloss", "analysis", "benchmarks", "decisions", "docs", "runners", "sweeps", "tests")
IN_REPOSITORY = re.compile(rf"^(?:{'|'.join(FOLDERS)})/[\w./*-]+")


def anchors(document: Path) -> set[str]:
    """The anchors that GitHub and the site give the headings."""
    headings = re.findall(r"^#+ (.+)$", prose(document), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def trouble(document: Path, link: str) -> str | None:
    path, _, anchor = link.partition("#")
    target = (document.parent / path).resolve() if path else document
    if not target.exists():
        return f"{named(document)}: {link}: there is no {path}"
    if anchor and anchor not in anchors(target):
        return f"{named(document)}: {link}: {path or 'the page'} has no heading {anchor}"
    return None


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_every_internal_link_resolves(document):
    links = [link for link in LINK.findall(prose(document)) if "://" not in link]
    assert [found for link in links if (found := trouble(document, link))] == []


def test_a_broken_link_is_found():
    assert "there is no nowhere.md" in trouble(ROOT / "README.md", "nowhere.md")
    assert "no heading nothing" in trouble(ROOT / "README.md", "docs/gpus.md#nothing")


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_every_path_of_the_repository_exists(document):
    paths = {
        found[0]
        for text in INLINE.findall(prose(document))
        if (found := IN_REPOSITORY.match(text)) and "NAME" not in text
    }
    assert [path for path in sorted(paths) if not any(ROOT.glob(path.rstrip("/")))] == []


def test_every_page_is_reachable_from_the_readme():
    linked = set(LINK.findall(prose(ROOT / "README.md")))
    pages = {f"docs/{page.name}" for page in (ROOT / "docs").glob("*.md")}
    assert pages - linked == {"docs/index.md", "docs/api.md"}
    assert "api.md" in LINK.findall(prose(ROOT / "docs" / "index.md"))
