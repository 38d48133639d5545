"""Adaptive rates: AdaGrad, RMSProp and Adam, and what each of their parts does."""
