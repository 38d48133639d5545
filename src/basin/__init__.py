"""Basin: how does the way a network is trained decide how well it generalises?

Train networks with any optimiser, batch size and data regime, measure the minimum that training reached, and hold the
claims of the literature against what was measured::

    run = basin.train(basin.RunSpec(data=basin.data.Digits(), model=basin.models.MLP(), batch_size=16,
                                    optimizer=basin.optim.Adam(learning_rate=1e-3), budget="20 epochs"))
    basin.measure.keskar_sharpness(run.loss_fn, run.params).value
"""

from basin._lazy import lazy

__version__ = "0.1.0"

__getattr__, __dir__ = lazy(
    __name__,
    {
        "RunSpec": "basin.spec.run",
        "train": "basin.training.train",
        "best_of": "basin.training.restarts",
        "data": "basin.data",
        "loss": "basin.loss",
        "measure": "basin.measure",
        "models": "basin.models",
        "optim": "basin.optim",
        "stats": "basin.stats",
        "surfaces": "basin.surfaces",
        "Run": "basin.training.run",
    },
)
