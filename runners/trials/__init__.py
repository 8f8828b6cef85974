"""The queue of trials, the worker that executes them, and how they end."""
