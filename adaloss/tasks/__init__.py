"""The kinds of experiment, and what they share."""
