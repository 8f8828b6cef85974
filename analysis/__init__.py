"""What came out: tables, figures, statistics and a report from the records on disk."""

from analysis.loading import load, load_history

__all__ = ["load", "load_history"]
