"""The keys of a grid file and their types."""
