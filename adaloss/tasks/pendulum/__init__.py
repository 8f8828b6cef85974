"""Swinging a pendulum up by proximal policy optimization: the setting of the paper's Figure 5."""
