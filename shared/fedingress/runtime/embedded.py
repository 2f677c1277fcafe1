"""The embedded home: one process with the same concerns, a bus, watches and a ticking clock."""

import logging
import threading
import time
from typing import Final

from fedingress.adapters.buses.inprocess import InProcessBus
from fedingress.runtime.figures import FIGURES
from fedingress.runtime.home import Home
from fedingress.runtime.settings import Settings
from fedingress.runtime.watching import watching
from fedingress.watcher.exposition import CONTENT_TYPE, Metric, Sample, exposition
from fedingress.watcher.health import HealthServer, PageText

_LATE_TICKS: Final = 3
_SLOW_SECONDS: Final = 120.0
"""A tick may wait for clouds that do not answer."""
_LOG: Final = logging.getLogger("fedingress")


class Embedded:
    """Everything that runs on the cloud homes as functions, topic, watchers and scheduler."""

    def __init__(self, settings: Settings) -> None:
        """Wire everything; raises `Invalid` when a setting names what is not there."""
        self.home = Home(settings)
        self._health: HealthServer | None = None
        try:
            self._watching = watching(self.home.ports)
            if settings.health:
                pages = {"/healthz": self.alive, "/metrics": self.metrics}
                self._health = HealthServer(settings.health, pages)
        except BaseException:
            self.home.close()
            raise
        self._stopping = threading.Event()
        self._ticked = time.monotonic()
        self._ticker = threading.Thread(target=self._tick, name="tick", daemon=True)

    def start(self) -> None:
        """Begin to watch and to tick; returns at once."""
        if self._health:
            self._health.start()
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
        if self._health:
            self._health.stop()
        self._ticker.join(10.0)
        self._watching.stop()
        self.home.close()

    @property
    def health_port(self) -> int:
        """Where the pages are served; 0 when they are not."""
        return self._health.port if self._health else 0

    def alive(self) -> PageText:
        """The liveness probe: whether the clock still ticks; a failed tick is one too."""
        age = time.monotonic() - self._ticked
        fine = age < _LATE_TICKS * self.home.settings.tick_seconds + _SLOW_SECONDS
        text = f"{'alive' if fine else 'stuck'}, the last tick was {age:.1f} s ago\n"
        return PageText(text=text, status=200 if fine else 503)

    def metrics(self) -> PageText:
        """The page for Prometheus: what the runs of this process have done, and what waits."""
        families = list(FIGURES.metrics())
        if isinstance(self.home.bus, InProcessBus):
            pending = self.home.bus.pending()
            states = {"ready": pending.ready, "running": pending.running, "later": pending.delayed}
            samples = [Sample(value=count, labels={"state": s}) for s, count in states.items()]
            text = "Works that the bus of this process holds."
            families.append(
                Metric(name="fedingress_works", type="gauge", help=text, samples=samples)
            )
        return PageText(text=exposition(families), content_type=CONTENT_TYPE)

    def _tick(self) -> None:
        while not self._stopping.wait(self.home.settings.tick_seconds):
            try:
                self.home.tick()
            except Exception as error:  # noqa: BLE001  the next tick must come whatever happened
                _LOG.warning("the tick failed: %s", str(error)[:256])
            self._ticked = time.monotonic()
