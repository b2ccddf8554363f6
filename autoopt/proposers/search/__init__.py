"""Searching parameter values: what they may be, where they stand in files, and who chooses the next ones.

`optuna_search` is the proposer of a run alone, `shared_search` that of several workers; importing them brings
Optuna. Assembling needs `addresses`, `discovery` and `sites` only.
"""
