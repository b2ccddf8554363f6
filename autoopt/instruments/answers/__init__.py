"""What a command answers, for a guard that compares it with the base's: `… -m autoopt.instruments.answers`.

The answers are its standard output and the files that it writes into the checkout. It runs twice: what
differs between two runs of one commit is no answer, and neither are dates of today, paths, and times where a
line says that it measured them. Standard error is no answer: its warnings quote the code, which is to change.
"""
