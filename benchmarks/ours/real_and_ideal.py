"""The trainings of both worlds: the same network and steps, on a sample of glyphs or on fresh ones."""

from __future__ import annotations

from basin import RunSpec, data, models, optim
from tasks import CNN5_WIDTH, SMALL_WIDTHS, WORLDS


def glyphs(model: str, world: str) -> data.Glyphs:
    """Return the Real World's sample or the Ideal World's stream."""
    work = WORLDS[model]
    size, _, channels = work.input_shape
    return data.Glyphs(
        size=size, channels=channels, num_train=work.num_train if world == "real" else None, num_test=100
    )


def training(model: str, world: str, steps: int) -> RunSpec:
    """Return one training of so many steps, looked at before and after."""
    return RunSpec(
        data=glyphs(model, world),
        model=models.CNN5(width=CNN5_WIDTH) if model == "cnn5" else models.MLP(widths=SMALL_WIDTHS),
        optimizer=optim.SGD(learning_rate=0.05, momentum=0.9),
        batch_size=WORLDS[model].batch_size,
        budget=f"{steps} steps",
        evaluations={"early": 0, "regular": 1},
    )
