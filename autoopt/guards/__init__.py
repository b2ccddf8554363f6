"""Inspectors of changes that the numbers would keep."""
