"""Statistics as pandas frames."""
