"""Optimisers side by side, each at its own best learning rate: the tool behind `basin race`.

It asks no question of the literature and tests no claim; it shows one scene (a surface, or the training of a network)
as a picture, a film, a ranking and the search for the rates behind it. A race is carried out, kept, resumed and rebuilt
as a study is.

The order in which things are settled, so that no number is both chosen and judged:

1. on the tuning starts (or seeds) each rule is tried at the same number of learning rates; the one whose median is
   lowest is taken, and a best rate at the end of the grid extends the grid there;
2. the target is set: given, or what the median rule reaches at its best rate on the tuning starts;
3. on other starts (or seeds) each rule runs once at its rate, and the steps to the target are counted.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from basin.spec.race import RACES, NetworkRace, Race, SurfaceRace
from basin.studies.race import view
from basin.studies.race.scene import BOTTOM, experiments, picture_start, scene
from basin.studies.study import Study
from basin.training.plan import resolve


def race(spec: Race) -> Study[Any, Any]:
    """Return a race as a study without claims.

    Raises:
        ValueError: There is no such surface, a start lies outside it, or the network cannot be trained as asked.

    Example:
        >>> race(SurfaceRace(surface="valley")).name
        'race-valley'
    """
    name = view.scene_name(spec)
    if isinstance(spec, SurfaceRace):
        scene(spec)
    elif isinstance(spec, NetworkRace):
        resolve(view.one_run(spec))
    return Study(
        name=f"race-{name}",
        title=f"Race on {view.scene_words(spec)}",
        question="Which optimiser is there first, each at the learning rate that suits it best?",
        source="",
        presets={"": spec},
        cost={"": ""},
        protocol=protocol,
        claims=lambda spec: [],
        evidence=lambda spec, found: {},
        experiments=experiments,
        figures=lambda spec, found, records: view.figures(spec, found),
        tables=view.tables,
        tool="race",
        command=command,
    )


def rebuilt(form: Mapping[str, Any]) -> tuple[Study[Any, Any], Race]:
    """Return a race and its specification from what `study.json` holds of it."""
    spec = RACES[form["kind"]].model_validate(form)
    return race(spec), spec


def protocol(spec: Race) -> Sequence[str]:
    """Return what was held equal, and what was chosen on what."""
    unit = view.unit(spec)
    every = f"{spec.rates} learning rates, {spec.per_decade} in a factor of ten, around {{}}"
    if isinstance(spec, SurfaceRace):
        length = f"Every walk takes {spec.steps} steps in float64."
        own = [
            f"Starts are drawn evenly from a box around {picture_start(spec)}, where picture and film begin; its sides "
            f"are {100 * spec.around:g} % of those of the region, and what lies outside that is cut off.",
            "Height is counted from the lowest known minimum, or else from the lowest value in the picture; heights of "
            f"{BOTTOM:g} and less are equal.",
        ]
    else:
        assert isinstance(spec, NetworkRace)
        length = f"Every training takes {spec.budget} with {spec.batch_size} examples an update."
        own = [f"The whole training set is looked at {spec.looks} times; a target is reached at the first such look."]
    return [
        f"Each rule is tried at {every.format('the rate that its specification names')}, on {spec.tuning_seeds} tuning "
        f"{unit}. The rate with the lowest median is taken; a best rate at the end of the grid extends it by a decade, "
        f"up to {spec.most_rates} rates.",
        f"The ranking is over {spec.seeds} other {unit}, the same for all rules.",
        "The target is set before the ranking: "
        + (
            "what the median rule reaches at its best rate on the tuning starts."
            if spec.target is None
            else f"{spec.target:g}, as asked for."
        ),
        length,
        *own,
    ]


def command(spec: Race) -> str:
    """Return the words that ask for a race again.

    Example:
        >>> command(SurfaceRace(surface="valley", steps=50, start=(1.0, 0.5)))
        "basin race valley 'start=[1.0, 0.5]' steps=50"
    """
    name = spec.surface if isinstance(spec, SurfaceRace) else "network"
    usual = type(spec)().model_dump(mode="json")
    changed = sorted(_differences(spec.model_dump(mode="json", exclude={"surface"}), usual))
    return " ".join(["basin", "race", name, *(shlex.quote(field) for field in changed)])


def _differences(form: Mapping[str, Any], usual: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for key, value in form.items():
        if value == usual.get(key):
            continue
        same_kind = isinstance(value, Mapping) and isinstance(usual.get(key), Mapping)
        if same_kind and value.get("kind") == usual[key].get("kind"):
            yield from _differences(value, usual[key], f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}={_toml(value)}"


def _toml(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}={_toml(item)}" for key, item in value.items() if item is not None) + "}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(_toml(item) for item in value)}]"
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else str(value)
