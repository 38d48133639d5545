"""Large batches and sharp minima (Keskar et al. 2017)."""
