"""Stand-alone programs that recipes run as metric, prepare, guard and discover commands.

They import nothing of autoopt but its errors, because they run inside the measured command.
"""
