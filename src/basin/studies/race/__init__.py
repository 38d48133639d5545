"""The race: optimisers side by side on a surface or on a network."""
