"""Functions of few variables on which an optimiser can be watched: surfaces, walks over them, their critical points.

Example:
    >>> import basin
    >>> walk = basin.surfaces.trajectory(basin.surfaces.surface("booth"), [0.0, 0.0],
    ...                                  basin.optim.SGD(learning_rate=0.1, momentum=0.5), num_steps=300)
    >>> walk.points.shape, bool(walk.values[-1] < 1e-9)
    ((301, 2), True)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from basin._lazy import lazy

if TYPE_CHECKING:
    from basin.surfaces.critical import CriticalPoint, critical_points
    from basin.surfaces.definition import Surface
    from basin.surfaces.functions import SURFACES, surface
    from basin.surfaces.grid import Grid, on_grid
    from basin.surfaces.quadratics import quadratic
    from basin.surfaces.slice import loss_slice
    from basin.surfaces.walk import Walk, trajectories, trajectory

__all__ = [
    "SURFACES",
    "CriticalPoint",
    "Grid",
    "Surface",
    "Walk",
    "critical_points",
    "loss_slice",
    "on_grid",
    "quadratic",
    "surface",
    "trajectories",
    "trajectory",
]

__getattr__, __dir__ = lazy(
    __name__,
    {
        "CriticalPoint": "basin.surfaces.critical",
        "Grid": "basin.surfaces.grid",
        "SURFACES": "basin.surfaces.functions",
        "Surface": "basin.surfaces.definition",
        "Walk": "basin.surfaces.walk",
        "critical_points": "basin.surfaces.critical",
        "loss_slice": "basin.surfaces.slice",
        "on_grid": "basin.surfaces.grid",
        "quadratic": "basin.surfaces.quadratics",
        "surface": "basin.surfaces.functions",
        "trajectories": "basin.surfaces.walk",
        "trajectory": "basin.surfaces.walk",
    },
)
