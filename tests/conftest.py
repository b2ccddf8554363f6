"""Signals as at a terminal, and no deadlines for generated examples: a busy machine is no fault."""

import signal

from hypothesis import settings

for number, handler in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
    if signal.getsignal(number) is signal.SIG_IGN:  # as in a background job, which every test would inherit
        signal.signal(number, handler)

settings.register_profile("autoopt", deadline=None)
settings.load_profile("autoopt")
