"""Statistics on the columns of a table: tests, intervals, robustness."""
