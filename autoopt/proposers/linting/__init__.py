"""Changes that follow from reading Python code by rules: `ruff` fixes what ruff knows, `deadcode` deletes."""
