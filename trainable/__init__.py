"""One trial: model, data, training, measures, and its Ray Tune trainable.

Part of reservoir-search, which tells it from another ``trainable`` by this line.
"""
