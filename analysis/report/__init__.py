"""The report: one HTML file that tells a sweep to somebody who does not have the tool."""

from analysis.report.logs import failure_logs
from analysis.report.report import report_html

__all__ = ["failure_logs", "report_html"]
