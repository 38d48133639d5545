"""Specifications: frozen descriptions of what to build, importing neither JAX nor NumPy."""
