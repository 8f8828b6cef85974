"""What the commands and Python share: open, plan and run a sweep, and look at its results.

The public names are those of :mod:`runners`.
"""
