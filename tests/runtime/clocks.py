"""Clocks for tests."""

import threading
import time


class WallClock:
    """The real time."""

    def now(self):
        return time.time()

    def sleep(self, seconds):
        time.sleep(seconds)


class HandClock:
    """Stands still until it is moved; safe to read from many threads."""

    def __init__(self, now=1_800_000_000.0):
        self._now, self._lock = now, threading.Lock()

    def now(self):
        with self._lock:
            return self._now

    def sleep(self, seconds):
        self.move(seconds)

    def move(self, seconds):
        with self._lock:
            self._now += seconds
