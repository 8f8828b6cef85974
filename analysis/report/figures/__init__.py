"""The report's interactive figures."""
