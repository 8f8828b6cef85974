"""The mistakes in a grid: how they are collected and worded, and hints for misspelt names."""
