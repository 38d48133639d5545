"""Optimisers compared, each tuned by the same budget."""
