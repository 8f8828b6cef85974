"""The parameters and the points of a grid, and the cells that they expand to."""
