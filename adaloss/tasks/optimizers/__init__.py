"""The optimizer of a trial: its construction, its learning rate over time, and how it steps."""
