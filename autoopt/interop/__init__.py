"""Other tools' logs in, this one's records out: what was tried travels, what was measured is evidence.

What another tool writes down becomes claims (`autoopt.records.claims`): told to whoever has ideas, not tried
again, and never taken for a measurement. `finding` sees what lies at a path, `pi` and `tables` read the logs,
`instructions` what a session was told to do, `known` is the file that a run takes claims from. `rows` says of
each experiment what leaves here; `sheets` and `tracking` write it.
"""
