"""What the statistics say, in a few sentences."""
