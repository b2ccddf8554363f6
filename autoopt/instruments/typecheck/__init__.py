"""Type errors as a metric: `python -P -m autoopt.instruments.typecheck SUBCOMMAND`.

`count` measures, `worst` shows where the errors are, `inventory` says what must not change so that errors are
mended and not hidden, and `rewrites` proposes mechanical fixes that the checker has confirmed. The checker
itself (ty, pyright or mypy) is a program that is run on the whole project; it reports in JSON.
"""
