"""Import the user's own modules, compute their digests, and try them in a fresh process."""
