"""Where a run happened, as far as its numbers can depend on it, and nothing that names a person or a machine.

No host name, no user name, no path: a store can be given away as it is.
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from basin.spec.ids import NUMERICS_VERSION

DISTRIBUTIONS = ("jax", "jaxlib", "flax", "optax", "numpy", "scipy", "scikit-learn", "pyarrow", "safetensors")
"""Whose versions are recorded."""


def environment() -> dict[str, Any]:
    """Return the record of this process's machine and versions.

    What JAX computes on is recorded once JAX has been imported, and null before, since asking would start it.

    Returns:
        Plain JSON: `basin`, `numerics`, `python`, `system`, `machine`, `cpu`, `cores` (of the machine), `usable_cores`
        (of this process), `versions`, `device`, `git_commit`.

    Example:
        >>> environment()["numerics"] >= 1
        True
    """
    return {
        "basin": _version("basin-lab"),
        "numerics": NUMERICS_VERSION,
        "python": platform.python_version(),
        "system": platform.system(),
        "machine": platform.machine(),
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "usable_cores": _usable_cores(),
        "versions": {name: _version(name) for name in DISTRIBUTIONS},
        "device": _device(),
        "git_commit": _git_commit(),
    }


def _version(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def _cpu_model() -> str | None:
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text(errors="replace").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.processor() or None


def _usable_cores() -> int | None:
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count()


def _device() -> dict[str, Any] | None:
    jax = sys.modules.get("jax")
    if jax is None:
        return None
    devices = jax.devices()
    return {
        "platform": devices[0].platform,
        "kind": devices[0].device_kind,
        "count": len(devices),
        "x64": bool(jax.config.jax_enable_x64),
        "matmul_precision": jax.config.jax_default_matmul_precision,
    }


def _git_commit() -> str | None:
    """Return the commit of Basin's own checkout, with `+` if tracked files were changed since."""
    git, package = shutil.which("git"), Path(__file__).parent
    if git is None:
        return None

    def ask(*arguments: str) -> str | None:
        command = [git, "-C", str(package), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - no outside input
        return done.stdout.strip() if done.returncode == 0 else None

    # an installed package may lie inside the checkout of another project, whose commit says nothing here
    if ask("ls-files", "--error-unmatch", Path(__file__).name) is None:
        return None
    commit = ask("rev-parse", "HEAD")
    return f"{commit}+" if commit and ask("status", "--porcelain", "--untracked-files=no") else commit
