"""The user's own training code as a task: a function, or the script of a W&B sweep."""
