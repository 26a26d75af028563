"""Tasks: data, head, loss and score of a training, behind one interface."""
