"""What a data set says of an example: to be split, or set aside for validation or test."""

TRAIN, VALIDATION, TEST = 0, 1, 2
