"""Compare two sets of results cell by cell, with tests and all differing conditions."""
