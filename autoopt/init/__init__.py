"""Setting a run up in a conversation: what to ask, what to propose, and how a number is found in output.

Nothing here composes settings, runs commands or writes files: whoever leads the conversation brings that
along as a `World`. Without a person the same steps are taken with what was given and found.
"""
