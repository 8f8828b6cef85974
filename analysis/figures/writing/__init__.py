"""Figures written to files, in processes of their own."""
