"""Where ideas come from. Import the module you need: each brings its own heavy library.

`portfolio` asks the others in the order that `bandit` finds best: `search` for parameter values, `linting`,
`codemods` and `rewrites` for code that rules can improve, `patches` for changes made before, and `agent`.
Those that find their changes in the incumbent share `candidates`.
"""
