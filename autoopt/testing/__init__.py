"""Conformance suites: inherit one in a test module, say how to make your part, and pytest runs the rest.

Each lives in a module of its own, as in `from autoopt.testing.workspace_suite import WorkspaceSuite`.
"""
