"""The points of a grid: which combinations of values are trials."""
