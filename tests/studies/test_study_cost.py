"""A study is costed before it starts, from what the store lacks, and at no price where it is short."""

from pathlib import Path
from typing import Any

import pytest

from basin.store.study import StudyFolder
from basin.studies.cost import estimated, may_be_long, remaining
from basin.studies.registry import MODULES, study
from basin.training import cost
from basin.training.speed import Speed

SPEED = Speed(flops=1e11, bytes=2e10)
WIDTH = study("double-descent-width")


def test_runs_and_updates_of_a_study_are_exact(tmp_path: Path) -> None:
    """10 widths, 12 seeds, 4 arms; random labels at the widest; the true ones there are the arm without noise."""
    found = estimated(remaining(WIDTH, WIDTH.presets["quick"], tmp_path), SPEED)
    runs = 10 * 12 * 4 + 12
    assert (found.runs, found.programs, found.steps) == (runs, 10, runs * 3000)


def test_twice_the_length_is_twice_the_arithmetic(tmp_path: Path) -> None:
    spec = WIDTH.presets["quick"].replace(seeds=2)
    longer = spec.replace(families=tuple(family.replace(budget="6000 steps") for family in spec.families))
    once, twice = (estimated(remaining(WIDTH, one, tmp_path), SPEED) for one in (spec, longer))
    looks = once.flops - (twice.flops - once.flops)
    assert twice.steps == 2 * once.steps
    assert 0 < looks < 0.2 * once.flops, "what does not grow with the length is the looks, of which there are as many"
    assert once.seconds < twice.seconds < 2 * once.seconds


def test_what_is_there_is_not_counted_again(tmp_path: Path) -> None:
    page, spec = study("quadratic"), study("quadratic").presets["quick"]
    before = remaining(page, spec, tmp_path)
    done = next(iter(before.groups[0].runs))
    folder = StudyFolder(tmp_path, page.name).run(done).path
    folder.mkdir(parents=True)
    (folder / "outcome.json").write_text("{}")
    after = remaining(page, spec, tmp_path)
    assert (before.finished, after.finished) == (0, 1)
    assert sum(len(group.runs) for group in after.groups) == sum(len(group.runs) for group in before.groups) - 1
    assert all(done not in group.runs for group in after.groups)


def test_looking_at_the_store_leaves_no_trace(tmp_path: Path) -> None:
    remaining(study("quadratic"), study("quadratic").presets["quick"], tmp_path / "nowhere")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", MODULES)
def test_a_quick_preset_is_taken_for_short_without_counting(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def counted(*words: Any) -> None:
        raise AssertionError("a step was counted")

    monkeypatch.setattr(cost, "step_cost", counted)
    page = study(name)
    assert not may_be_long(remaining(page, page.presets["quick"], tmp_path))


def test_a_long_study_is_taken_for_long(tmp_path: Path) -> None:
    page = study("deep-bootstrap")
    spec = page.presets["quick"].replace(steps=200_000)
    assert may_be_long(remaining(page, spec, tmp_path))
