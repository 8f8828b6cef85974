"""Checks of what trials read: data sets, weights, the user's own code."""
