"""The user's own modules: imported, digested, tried in a fresh process."""
