"""The report's curves over epochs."""
