"""Compiled programs are kept between commands: a study that is resumed, or run with other seeds, compiles nothing.

What was compiled is the same machine code when it is read back, and gives the same bits. JAX names a program by what it
computes, its options, the versions and the device, so one that does not fit is never found.
"""

from __future__ import annotations

import os
from pathlib import Path

import jax

LARGEST = 2**30
"""Bytes of all kept programs; beyond it those go that were used longest ago."""

SHORTEST_S = 0.1
"""Seconds of compiling from which a program is worth keeping."""


def keep_programs() -> Path | None:
    """Have JAX keep what it compiles in the user's cache; return where, or None where it does not.

    A folder of the user's own choice (`JAX_COMPILATION_CACHE_DIR`) is left as it is, and so are his rules for it;
    `JAX_ENABLE_COMPILATION_CACHE=false` turns it off. A folder that cannot be made is no mistake: all is compiled anew.
    """
    chosen, is_on = (
        getattr(jax.config, f"jax_{name}") for name in ("compilation_cache_dir", "enable_compilation_cache")
    )
    if chosen is not None or not is_on:
        return None
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "basin" / "programs"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError:
        return None
    if not os.access(folder, os.W_OK) or folder.stat().st_uid != os.getuid():
        return None
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_compilation_cache_max_size", LARGEST)
    jax.config.update("jax_persistent_cache_min_compile_time_secs", SHORTEST_S)
    return folder
