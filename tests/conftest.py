"""Shared by all tests: compiled programs are kept on the disk, so that workers and subprocesses compile each once."""

import os
from pathlib import Path

_CACHE = Path(__file__).parent.parent / ".pytest_cache" / "jax"

# before any test imports JAX; a program that was read back is the same machine code, and gives the same bits
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(_CACHE))
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.2")
