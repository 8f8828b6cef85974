"""Mirrors the records to W&B and to the dashboard in the browser; only this package imports W&B.

A separate process reads ``metrics.jsonl`` and ``result.json`` through
:class:`adaloss.records.store.Store`, during the sweep or afterwards. The trainer and the workers do
not depend on it.
"""
