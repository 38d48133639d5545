"""The study `double-descent-width`."""
