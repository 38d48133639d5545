"""Training: from specifications of runs to finished runs, many at a time in one compiled program.

plan -> groups -> K slots a group -> curves, weights and outcomes. :mod:`basin.training.step` is one update,
:mod:`basin.training.loop` the loop around it; :func:`basin.train` is the door.
"""
