"""Where the mirrors of the records live: trackers that follow a sweep from beside the driver.

A tracker reads ``metrics.jsonl`` and ``result.json`` through
:class:`adaloss.records.store.Store`, live or afterwards; neither the trainer nor the runner knows
that one exists.
"""
