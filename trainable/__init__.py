"""One trial: model, data, training, measures, and its Ray Tune trainable."""
