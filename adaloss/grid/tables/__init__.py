"""The tables that a grid asks for."""
