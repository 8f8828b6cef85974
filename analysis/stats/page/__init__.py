"""Statistics as a page of text."""
