"""Gradient descent on a quadratic, and on the quadratic around a trained network."""
