"""When Ctrl-C and the like take effect."""

from __future__ import annotations

import signal

import pytest

from autoopt import signals
from autoopt.errors import Terminated


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
def test_what_asks_the_process_to_end_becomes_an_exception(number: signal.Signals) -> None:
    inherited = signal.signal(number, signal.SIG_DFL)  # a shell's background jobs ignore some
    try:
        with pytest.raises(Terminated) as ended, signals.handled():
            signal.raise_signal(number)
        assert ended.value.exit_code == 128 + number
        assert signal.getsignal(number) == signal.SIG_DFL
    finally:
        signal.signal(number, inherited)


def test_an_ignored_signal_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with signals.handled():
            signal.raise_signal(signal.SIGHUP)
            done = True
    finally:
        signal.signal(signal.SIGHUP, before)

    assert done


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_block_that_holds_signals_is_done_first(number: signal.Signals) -> None:
    seen = []
    with pytest.raises(KeyboardInterrupt), signals.handled():
        with signals.held():
            with signals.held():
                signal.raise_signal(number)
                seen.append("inner")
            seen.append("outer")
        seen.append("never")

    assert seen == ["inner", "outer"]


def test_a_first_interrupt_waits_and_is_told() -> None:
    seen = []
    with pytest.raises(KeyboardInterrupt), signals.handled():
        with signals.patient(lambda: seen.append("told")):
            signal.raise_signal(signal.SIGINT)
            seen.append("done")
        seen.append("never")

    assert seen == ["told", "done"]


def test_a_second_interrupt_does_not_wait() -> None:
    seen = []
    with pytest.raises(KeyboardInterrupt), signals.handled(), signals.patient(lambda: None):
        signal.raise_signal(signal.SIGINT)
        seen.append("once")
        signal.raise_signal(signal.SIGINT)
        seen.append("never")

    assert seen == ["once"]


def test_a_request_to_end_does_not_wait() -> None:
    with pytest.raises(Terminated), signals.handled(), signals.patient(lambda: None):
        signal.raise_signal(signal.SIGTERM)
        pytest.fail("it went on")


def test_one_block_waits_only_for_its_own_interrupt() -> None:
    with pytest.raises(KeyboardInterrupt), signals.handled(), signals.patient(lambda: None):
        signal.raise_signal(signal.SIGINT)
    with signals.handled(), signals.patient(lambda: None):
        done = True

    assert done
