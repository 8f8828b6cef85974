"""The grid language: load a grid file as a Sweep, or report every mistake in it with its line."""
