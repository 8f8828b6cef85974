"""What tasks with data sets share: where the files are, and how examples are split."""
