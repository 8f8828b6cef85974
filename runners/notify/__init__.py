"""Tell the user about the events of a running sweep."""
