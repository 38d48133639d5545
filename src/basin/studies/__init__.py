"""Studies: a folder each, whose `study.py` is the page to read first, and what carries them out."""
