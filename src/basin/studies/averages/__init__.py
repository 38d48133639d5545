"""Exponential averages: what they remember, the cold start and its correction."""
