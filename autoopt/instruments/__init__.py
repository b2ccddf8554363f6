"""Stand-alone programs that recipes run as metric, prepare, guard, profile, discover and rewrites commands.

They import nothing of autoopt but its errors, because they run inside the measured command.
"""
