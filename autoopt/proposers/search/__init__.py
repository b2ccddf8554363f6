"""Searching parameter values: what they may be, where they stand in files, and who chooses the next ones.

`optuna_search` is the proposer; importing it brings Optuna. Assembling needs `discovery` and `sites` only.
"""
