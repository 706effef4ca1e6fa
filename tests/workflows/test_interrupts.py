"""Signals that request a stop."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from gankit.workflows.interrupts import StopRequest

NAMES = [name for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


@pytest.mark.parametrize("name", NAMES)
def test_the_first_signal_is_a_request_and_another_ends_the_process(name, monkeypatch):
    ended = []
    monkeypatch.setattr("gankit.workflows.interrupts.os._exit", ended.append)
    number, stop = getattr(signal, name), StopRequest()
    before = signal.getsignal(number)
    with stop.listening():
        assert not stop()
        os.kill(os.getpid(), number)
        assert stop()
        assert not ended
        os.kill(os.getpid(), number)
        # A closed terminal sends SIGHUP twice.
        assert ended == ([] if name == "SIGHUP" else [130])
        if name == "SIGHUP":
            os.kill(os.getpid(), signal.SIGTERM)
            assert ended == [130]
    assert signal.getsignal(number) is before


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="needs SIGHUP")
def test_an_ignored_signal_stays_ignored():
    """``nohup gankit train`` goes on when its terminal is closed."""
    before, stop = signal.signal(signal.SIGHUP, signal.SIG_IGN), StopRequest()
    try:
        with stop.listening():
            os.kill(os.getpid(), signal.SIGHUP)
        assert not stop()
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_another_thread_leaves_signals_alone():
    stop, seen, before = StopRequest(), [], signal.getsignal(signal.SIGINT)

    def listen():
        with stop.listening():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=listen)
    thread.start()
    thread.join()
    assert seen == [before]
