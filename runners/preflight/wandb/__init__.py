"""Checks of the W&B account, its server and its labels."""
