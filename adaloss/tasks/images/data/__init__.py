"""Data sets: fetched or read, split by class, and turned into normalised batches."""
