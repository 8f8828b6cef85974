"""The figure of a comparison."""
