"""What differences between the columns of a table are worth: tests, intervals, robustness."""
