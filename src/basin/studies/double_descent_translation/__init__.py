"""The study `double-descent-translation`."""
