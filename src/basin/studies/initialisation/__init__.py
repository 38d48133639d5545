"""First weights: symmetry, variance through depth, several starts, transfer."""
