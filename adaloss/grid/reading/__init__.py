"""From a grid file to its values with their lines."""
