"""The grid language: a file becomes a Sweep, or every mistake in it with its line."""
