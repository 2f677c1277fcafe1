"""
A stage on which real blocking code runs in threads, one at a time, each step when it is told to.

For tests that must choose the order in which concurrent invocations touch their store. A performer
runs until it pauses; only then does its director go on, so every order can be chosen and replayed.
"""

import contextlib
import os
import threading
from collections.abc import Callable
from typing import Any


class Crash(BaseException):
    """The instance dies here: no handler of the product may catch it."""


class _Thread:
    """One reusable thread; *go* and *back* pass the baton to and fro."""

    def __init__(self):
        self.go, self.back = threading.Lock(), threading.Lock()
        self.go.acquire()
        self.back.acquire()
        self.play = None
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while True:
            self.go.acquire()
            self.play()
            self.back.release()


_IDLE: list[_Thread] = []


class Performer:
    """Runs *play(self)*; *ended*, *result* and *error* tell how it went."""

    def __init__(self, play: Callable[["Performer"], Any]):
        self.ended, self.result, self.error = False, None, None
        self._play = play
        self._cue = None
        self._thread = _IDLE.pop() if _IDLE else _Thread()
        self._thread.play = self._perform

    def pause(self):
        """Called on the stage: wait for the director; gives the cue of `step`."""
        self._thread.back.release()
        self._thread.go.acquire()
        cue = self._cue
        if cue is Crash:
            raise Crash
        return cue

    def step(self, cue: Any = None):
        """Called by the director: go on to the next pause or the end; the cue `Crash` kills it."""
        assert not self.ended
        self._cue = cue
        self._thread.go.release()
        self._thread.back.acquire()
        if self.ended:
            _IDLE.append(self._thread)

    def _perform(self):
        try:
            if self._cue is not Crash:
                self.result = self._play(self)
        except BaseException as error:  # noqa: BLE001  the director judges it
            self.error = error
        self.ended = True


@contextlib.contextmanager
def one_core():
    """Passing the baton is five times faster within one core."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    cores = os.sched_getaffinity(0)
    _IDLE.clear()  # threads that were started elsewhere stay there
    os.sched_setaffinity(0, {sorted(cores)[os.getpid() % len(cores)]})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)
