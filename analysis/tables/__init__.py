"""Tables: mean and standard deviation of each cell, marks and captions."""
