"""Records become pandas frames."""
