"""Read a grid file as values with their lines."""
