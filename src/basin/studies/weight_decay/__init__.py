"""Weight decay: shrinkage, effective parameters, consistency, decoupling."""
