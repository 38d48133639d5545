"""How often the rules for double descent are wrong, on sweeps drawn so that the truth is known: simulation is the
oracle, and the code of the studies is what is tested. The table of `docs/verdicts.md` has the same rates of more draws.
"""

import numpy as np
import pytest

from basin.stats import first_at_most
from basin.studies import descent
from basin.studies.descent import EPSILON
from basin.studies.descent_nulls import PEAKED, SIZES, World, rate, situations, table

NUM_DRAWS = 150
SITUATIONS = list(situations(8))


@pytest.mark.parametrize(
    ("claim", "draw", "verdict"), [each[1:] for each in SITUATIONS], ids=[f"{one[0]} {one[3]}" for one in SITUATIONS]
)
def test_false_verdicts_are_as_rare_as_designed(claim, draw, verdict) -> None:
    allowance = 3.3 * np.sqrt(0.025 * 0.975 / NUM_DRAWS)
    assert rate(claim, draw, verdict, num_draws=NUM_DRAWS) <= 0.025 + allowance


def test_a_world_has_its_peak_and_its_threshold_where_it_says() -> None:
    """By argmax on the noiseless mean of many seeds, and by interpolation of the training error."""
    world = World(place=SIZES[6], threshold=30.0, scatter=0.0)
    found = world.draw(np.random.default_rng(0), 4000)
    assert found.test.mean(axis=0)[3:].argmax() + 3 == 6
    assert first_at_most(SIZES, found.train.mean(axis=0), 100 * EPSILON) == pytest.approx(30.0, rel=0.05)


def test_verdicts_that_are_true_are_not_rare() -> None:
    """Else the rates above would be small for want of power."""
    moves = next(one for one in SITUATIONS if "moves_right" in one[0])
    far = World(place=96.0, threshold=96.0)

    def draw(rng):
        return descent.moves_right(PEAKED.draw(rng, 8), far.draw(rng, 8))

    assert rate(moves[1], draw, "supported", num_draws=50) > 0.9


def test_the_table_has_a_row_for_each_situation() -> None:
    rows = list(table(2))
    assert len(rows) == 2 * len(SITUATIONS)
    assert {row.bound for row in rows} == {0.025}
