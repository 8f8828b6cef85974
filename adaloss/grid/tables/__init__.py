"""The tables and the labels in a grid."""
