"""A published table in a file becomes a side of a comparison."""
