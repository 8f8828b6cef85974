"""Checks of the machine and the inputs, before a sweep starts anything.

Each module checks one thing and imports neither torch, Ray nor W&B, so that the checks take no
noticeable time.
"""
