"""Shared by all tests: how their programs are compiled."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

# how long an example takes says how busy the machine is
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")

_CACHE = Path(__file__).parent.parent / ".pytest_cache" / "jax"

# before any test imports JAX; a program that was read back is the same machine code, and gives the same bits;
# to read even the smallest takes a fifth of compiling it
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(_CACHE))
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")

_FUSION = "xla_cpu_use_fusion_emitters"

_LONGEST = ("training", "studies", "cli", "data")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the directories whose files take longest, so that no worker is left with one alone at the end."""
    items.sort(key=lambda item: item.path.parent.name not in _LONGEST)


@pytest.fixture(scope="module")
def compiled_cheaply() -> Iterator[None]:
    """Compile what a file's tests run, and the processes they start, with few of XLA's optimisations.

    For files whose programs run for less time than they are compiled. All of a file is compiled alike, because the two
    ways differ in roundings: nothing compiled before is used, and nothing is left. Files that hold bits of one program
    against those of another are compiled as a user's programs are.
    """
    import jax
    from jax._src import compiler  # XLA reads its own flags once a process, and JAX has no name for this one

    chosen: Any = compiler.get_compile_options

    def unfused(*args: Any, env_options_overrides: dict[str, Any] | None = None, **rest: Any) -> Any:
        return chosen(*args, env_options_overrides={_FUSION: False, **(env_options_overrides or {})}, **rest)

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")
        patch.setenv("XLA_FLAGS", f"{os.environ.get('XLA_FLAGS', '')} --{_FUSION}=false".strip())
        patch.setattr(compiler, "get_compile_options", unfused)
        jax.clear_caches()
        jax.config.update("jax_disable_most_optimizations", True)
        yield
        jax.config.update("jax_disable_most_optimizations", False)
        jax.clear_caches()
