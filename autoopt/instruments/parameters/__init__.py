"""Values in the scope that are worth searching: `python -P -m autoopt.instruments.parameters find PATH…`.

`find` prints them as `propose.discover` wants them: values of YAML, TOML and JSON files, and in Python files
constants, defaults of arguments, keyword arguments, entries of dicts and defaults of command-line options.
What decides how a result is judged (seeds, splits, settings of the scorer) is never among them; `evaluation`
prints it as an inventory that a guard holds against the base commit.
"""
