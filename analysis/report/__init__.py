"""The report: one HTML file about a sweep, for readers without the tool."""

from analysis.report.logs import failure_logs
from analysis.report.report import report_html

__all__ = ["failure_logs", "report_html"]
