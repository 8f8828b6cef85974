"""Whether a sweep can work on this machine, looked at before anything is started.

Each module looks at one thing and imports neither torch, Ray nor W&B: what is asked of a machine
before a sweep is to be answered at once.
"""
