"""Where a command's Python programs spend their time: `python -P -m autoopt.instruments.profile --command …`.

Every Python process that the command starts records itself under cProfile, children of the shell and of other
programs included; only those that ignore the environment (`python -I`, `-E`, `-S`) or leave by `os._exit`
(workers of multiprocessing among them) stay unseen.
"""
