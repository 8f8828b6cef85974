"""What came out: tables and figures from the records on disk."""
