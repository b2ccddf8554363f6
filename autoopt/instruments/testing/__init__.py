"""Instrument for test suites: pass rate, coverage, duration, and what a change did to the tests themselves.

The tests run by the project's own command, which must end in pytest (it runs unittest's tests too); a
recorder is loaded into it by `PYTEST_ADDOPTS`. Everything else is read from the files, without running them.
"""
