"""A wide network of two layers, of which the first learns: the setting of the paper's section 4."""
