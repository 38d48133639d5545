"""The Deep Bootstrap: training on data used again and again, beside training on fresh data only."""
