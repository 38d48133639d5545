"""Mini-batches: the noise of their gradients, what a pass costs, escape from a local minimum."""
