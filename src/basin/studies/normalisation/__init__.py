"""Normalisation of inputs and of layers."""
