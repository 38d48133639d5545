"""Early stopping: learning curves, the validation minimum, likeness to weight decay."""
