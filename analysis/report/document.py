"""The HTML page of the report: self-contained, with a policy that forbids everything else."""

import json
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files

from analysis.render.html_text import escaped
from analysis.report.bundle import vega_bundle
from analysis.report.figures.data import JsonValue


@dataclass(frozen=True, kw_only=True)
class Document:
    """A title, sections as HTML, and the data of the figures; without data there is no script."""

    title: str
    intro: str
    contents: Sequence[tuple[str, str]]
    sections: Sequence[str]
    data: JsonValue


def document_html(document: Document) -> str:
    """The whole file."""
    scripts = [] if document.data is None else [vega_bundle(), packaged("report.js")]
    scripts = [inline_script(text) for text in scripts]
    title = escaped(document.title)
    links = "\n".join(
        f'<li><a href="#{key}">{escaped(text)}</a></li>' for key, text in document.contents
    )
    sections = "\n".join(document.sections)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy(scripts)}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n'
        f"<title>{title}</title>\n<style>\n{packaged('report.css')}</style>\n</head>\n<body>\n"
        '<a class="skip" href="#main">Skip to the report</a>\n'
        f"<header>\n<h1>{title}</h1>\n{document.intro}\n"
        f'<nav aria-label="Contents">\n<ul>\n{links}\n</ul>\n</nav>\n</header>\n'
        f'<main id="main" tabindex="-1">\n{sections}\n</main>\n'
        f"{script_elements(document.data, scripts)}</body>\n</html>\n"
    )


def packaged(name: str) -> str:
    """The text of a file next to this module."""
    return files("analysis.report").joinpath(name).read_text(encoding="utf-8")


def inline_script(text: str) -> str:
    """The script, escaped so that it cannot end its element; its hash matches the parsed text."""
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("</script", "<\\/script")


def policy(scripts: Sequence[str]) -> str:
    """The content security policy: no network, and only these scripts.

    No eval either: Vega interprets its expressions (``ast`` in report.js). Inline styles are for
    Vega's tooltip.
    """
    hashes = " ".join(
        f"'sha256-{b64encode(sha256(s.encode()).digest()).decode()}'" for s in scripts
    )
    return (
        f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
        f"script-src {hashes or repr('none')}; base-uri 'none'; form-action 'none'"
    )


def script_elements(data: JsonValue, scripts: Sequence[str]) -> str:
    """The data, then the scripts that read it."""
    if not scripts:
        return ""
    content = f'<script type="application/json" id="report-data">{inline_json(data)}</script>\n'
    return content + "".join(f"<script>{script}</script>\n" for script in scripts)


def inline_json(data: JsonValue) -> str:
    """The data as JSON in which no text can be parsed as a tag."""
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
