"""Keep the results of a run at a URL."""
