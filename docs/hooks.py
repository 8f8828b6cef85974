"""Add documents outside docs/, schemas and the notebook to the site, and point links at them.

MkDocs calls these functions (``hooks:`` in mkdocs.yml). In the repository a page of docs/ links to
``../decisions/013-….md``; in the site both are below one root.
"""

import json
import posixpath
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

FILES = ("llms.txt", "sweeps/grid.schema.json", "sweeps/outputs.schema.json")
OUTSIDE = ("CONTRIBUTING.md", "CHANGELOG.md", "decisions/*.md")
NOTEBOOK = "notebook.ipynb"
LINK = re.compile(r"(?<=\]\()([^)#:\s]+)")
# A link of llms.txt, which is no page, to one that the site has at its root.
PAGE = re.compile(r"(?<=\]\()docs/([\w-]+)\.md")
# Roles of Sphinx, which docstrings use.
ROLE = re.compile(r":(?:class|func|meth|attr|data|mod):(?=<code>)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the documents, an index of the decisions, and the notebook as a page."""
    root = Path(config.config_file_path).parent
    lines = ["# Decisions\n"]
    for path in sorted(path for pattern in OUTSIDE for path in root.glob(pattern)):
        name = path.relative_to(root).as_posix()
        files.append(File.generated(config, name, abs_src_path=str(path)))
        if name.startswith("decisions/"):
            title = path.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ")
            lines.append(f"- [{title}]({path.name})")
    files.append(File.generated(config, "decisions/index.md", content="\n".join(lines)))
    for name in FILES:
        text = PAGE.sub(r"\1.html", (root / name).read_text(encoding="utf-8"))
        files.append(File.generated(config, Path(name).name, content=text))
    notebook = json.loads((root / "docs" / NOTEBOOK).read_text(encoding="utf-8"))
    page = NOTEBOOK.replace(".ipynb", ".md")
    files.append(File.generated(config, page, content="\n\n".join(markdown_of(notebook))))
    return files


def markdown_of(notebook: dict[str, Any]) -> Iterator[str]:
    """The cells of a notebook as Markdown, with the outputs that are kept in it."""
    for cell in notebook["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            yield source
            continue
        yield f"```python\n{source}\n```"
        for output in cell["outputs"]:
            data = {kind: "".join(text) for kind, text in output.get("data", {}).items()}
            if "image/png" in data:
                image = data["image/png"].replace("\n", "")
                yield f'<p><img alt="figure" width="500" src="data:image/png;base64,{image}"></p>'
            elif "text/html" in data:
                # A blank line would end the block of HTML.
                yield re.sub(r"\n\s*\n", "\n", f"<div>{data['text/html']}</div>")
            else:
                text = data.get("text/plain") or "".join(output["text"])
                yield f"```text\n{text.rstrip()}\n```"


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Rewrite links between documents from their places in the repository to those in the site."""
    here = page.file.src_uri
    in_repository = here if page.file.generated_by and here != "notebook.md" else f"docs/{here}"

    def in_site(link: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(in_repository), link[0]))
        target = Path(target).name if target in FILES else target.removeprefix("docs/")
        # The notebook itself is in the site as a page.
        target = NOTEBOOK.replace(".ipynb", ".md") if target == NOTEBOOK else target
        return posixpath.relpath(target, posixpath.dirname(here) or ".")

    return LINK.sub(in_site, markdown)


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Remove Sphinx's roles in front of names."""
    return ROLE.sub("", html)
