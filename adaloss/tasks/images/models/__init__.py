"""Models by name, with random, published or own weights."""
