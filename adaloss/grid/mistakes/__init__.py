"""The mistakes in a grid: collected, worded, with close names."""
