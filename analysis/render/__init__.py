"""Tables and pages as Markdown, CSV, LaTeX, HTML and plain text."""
