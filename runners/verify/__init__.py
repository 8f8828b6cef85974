"""Run finished trials again and compare them with their records."""
