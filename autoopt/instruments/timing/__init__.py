"""What a command costs: several runs in a row, or the instructions of one: `… -m autoopt.instruments.timing`.

One run of a command that takes a second needs none of this: autoopt's own clock is outside the command, and
it alternates between the two commits, so that a machine that slows down slows both. Several runs in one
sample pay for commands of a few milliseconds, where a single run is mostly noise.
"""
