"""The study `double-descent-features`."""
