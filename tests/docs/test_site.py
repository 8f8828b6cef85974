"""The site builds without a warning."""

import os
import re
import subprocess
import sys
from importlib.util import find_spec

import pytest
from documents import ROOT

needs = ("mkdocs", "material", "mkdocstrings")
missing = [name for name in needs if find_spec(name) is None]


@pytest.mark.slow
@pytest.mark.skipif(bool(missing), reason=f"not installed: {', '.join(missing)}")
def test_the_site_builds_strictly(tmp_path):
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)]
    silent = {"NO_MKDOCS_2_WARNING": "1", "DISABLE_MKDOCS_2_WARNING": "true"}
    built = subprocess.run(
        command, cwd=ROOT, env=os.environ | silent, capture_output=True, text=True, check=False
    )
    assert built.returncode == 0, built.stderr
    page = (tmp_path / "api.html").read_text(encoding="utf-8")
    assert "AdaLoss" in page
    assert "load_history" in page
    pages = [path.stem for path in (ROOT / "docs").glob("*.md")]
    assert [name for name in pages if not (tmp_path / f"{name}.html").is_file()] == []
    for name in ("llms.txt", "grid.schema.json", "outputs.schema.json"):
        assert (tmp_path / name).is_file()
    links = re.findall(r"\]\(([^)]+)\)", (tmp_path / "llms.txt").read_text(encoding="utf-8"))
    assert links
    assert [link for link in links if not (tmp_path / link).is_file()] == []
    notebook = (tmp_path / "notebook.html").read_text(encoding="utf-8")
    assert "sign_descent" in notebook
    assert 'class="dataframe"' in notebook
    assert "data:image/png;base64," in notebook
    assert 'href="grid-reference.html"' in notebook
    fetched = [
        path.name
        for path in tmp_path.rglob("*.html")
        if 'src="http' in path.read_text(encoding="utf-8")
    ]
    assert fetched == [], "pages must need no network"
