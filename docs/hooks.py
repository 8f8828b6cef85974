"""Add the documents outside docs/ to the site, and point links at them.

MkDocs calls these functions (``hooks:`` in mkdocs.yml). In the repository a page of docs/ links to
``../decisions/013-….md``; in the site both are below one root.
"""

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

OUTSIDE = ("CONTRIBUTING.md", "CHANGELOG.md", "decisions/*.md")
LINK = re.compile(r"(?<=\]\()([^)#:\s]+)")
# Roles of Sphinx, which docstrings use.
ROLE = re.compile(r":(?:class|func|meth|attr|data|mod):(?=<code>)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the documents, and an index of the decisions."""
    root = Path(config.config_file_path).parent
    lines = ["# Decisions\n"]
    for path in sorted(path for pattern in OUTSIDE for path in root.glob(pattern)):
        name = path.relative_to(root).as_posix()
        files.append(File.generated(config, name, abs_src_path=str(path)))
        if name.startswith("decisions/"):
            title = path.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ")
            lines.append(f"- [{title}]({path.name})")
    files.append(File.generated(config, "decisions/index.md", content="\n".join(lines)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Rewrite links between documents from their places in the repository to those in the site."""
    here = page.file.src_uri
    in_repository = here if page.file.generated_by else f"docs/{here}"

    def in_site(link: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(in_repository), link[0]))
        return posixpath.relpath(target.removeprefix("docs/"), posixpath.dirname(here) or ".")

    return LINK.sub(in_site, markdown)


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Remove Sphinx's roles in front of names."""
    return ROLE.sub("", html)
