"""Results that are kept at a URL."""
