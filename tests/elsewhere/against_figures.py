"""The figure of accuracy against b0, of any records."""

from analysis.figures import accuracy_against


def figure_of(records, **changes):
    settings = {"metric": "test/top1", "at": "last", "title": "demo"}
    return accuracy_against(records.frame(), **settings | changes)
