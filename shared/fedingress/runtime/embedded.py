"""The embedded home: one process with the same concerns, a bus, watches and a ticking clock."""

import logging
import threading
from typing import Final

from fedingress.runtime.home import Home
from fedingress.runtime.settings import Settings
from fedingress.runtime.watching import watching

_LOG: Final = logging.getLogger("fedingress")


class Embedded:
    """Everything that runs on the cloud homes as functions, topic, watchers and scheduler."""

    def __init__(self, settings: Settings) -> None:
        """Wire everything; raises `Invalid` when a setting names what is not there."""
        self.home = Home(settings)
        try:
            self._watching = watching(self.home.ports)
        except BaseException:
            self.home.close()
            raise
        self._stopping = threading.Event()
        self._ticker = threading.Thread(target=self._tick, name="tick", daemon=True)

    def start(self) -> None:
        """Begin to watch and to tick; returns at once."""
        self._watching.start()
        self._ticker.start()

    def run(self, until: threading.Event) -> None:
        """Start, wait for *until*, stop."""
        self.start()
        try:
            until.wait()
        finally:
            self.stop()

    def stop(self) -> None:
        """End in order: no new events, then what runs, then the workers."""
        self._stopping.set()
        self._ticker.join(10.0)
        self._watching.stop()
        self.home.close()

    def _tick(self) -> None:
        while not self._stopping.wait(self.home.settings.tick_seconds):
            try:
                self.home.tick()
            except Exception as error:  # noqa: BLE001  the next tick must come whatever happened
                _LOG.warning("the tick failed: %s", str(error)[:256])
