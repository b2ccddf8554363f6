"""Runs that never happened: noises, worlds and rules, to count how often a verdict is wrong.

`python -m tests.simulation --help` prints the tables; `tests/test_error_rates.py` holds the judge to them.
"""
