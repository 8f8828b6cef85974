"""What figures share: axes, labels, styles, sheets."""
