"""SQL as it stands in files: statements, names, and the order a query promises."""
