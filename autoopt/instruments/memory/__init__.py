"""How much memory a command's Python programs allocate, and where: `… -m autoopt.instruments.memory`.

The peak of the whole process, as the operating system sees it, is autoopt's own to measure, from outside.
This is the view from inside: what Python's allocators hand out, exact where the other depends on the day.
"""
