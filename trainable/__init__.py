"""One trial: model, data, training, measures, and the Ray Tune trainable around them."""
