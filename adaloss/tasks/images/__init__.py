"""Image classification: data, models, training."""
