"""Studies: one file each, and what carries them out."""
