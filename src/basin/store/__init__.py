"""Run folders: what a study asked for, what came of it, and the way back from a crash.

:mod:`~basin.store.study` and :mod:`~basin.store.run` are the folders, :mod:`~basin.store.lock` shares them between
processes, :mod:`~basin.store.query` and :mod:`~basin.store.ledger` read them, :mod:`~basin.store.atomic` is the only
module that writes. The store knows arrays, tables and documents; it imports no JAX.
"""
