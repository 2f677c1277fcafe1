"""
`fedingress-watcher`: the process beside one cluster, which says where to look when it changes.

It lists and watches, decides nothing, writes to no cluster, and publishes work for `fanout` on the
bus of the settings, under its cluster's name. A second one does no harm, only doubles the events.
"""

import logging
import signal
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from fedingress.domain.errors import FederationError, Invalid
from fedingress.domain.work import Work
from fedingress.runtime.home import log_to_stderr
from fedingress.runtime.settings import Settings, read
from fedingress.runtime.wire import config_connection, make_bus
from fedingress.watcher import figures
from fedingress.watcher.checkpoint import CheckpointFile
from fedingress.watcher.cluster import ClusterWatch, config_role, member_role
from fedingress.watcher.debounce import Debounce, Flow
from fedingress.watcher.health import HealthServer
from fedingress.watcher.pace import Pace

_LOG: Final = logging.getLogger("fedingress")
_SAVE_SECONDS: Final = 5.0
_POLL_SECONDS: Final = 0.1
_DRAIN_SECONDS: Final = 15.0
"""Below the grace period of a pod, with room for the watches to end."""


class WatcherProcess:
    """Everything of one process; made, run once, and gone."""

    def __init__(self, settings: Settings) -> None:
        """Wire everything; raises `Invalid` when the settings are not those of a watcher."""
        _check(settings)
        self._closing = ExitStack()
        try:
            bus = make_bus(settings, cluster=settings.cluster)
            self._closing.callback(bus.close)
            connection = config_connection(settings, "watcher")
            self._closing.callback(connection.close)
            self._bus = bus
            self._file = _file(settings)
            self.debounce = Debounce(self._publish, Flow(quiet_seconds=settings.debounce_seconds))
            role = (
                config_role(settings.inventory_namespace)
                if settings.watch == "config"
                else member_role(settings.owner)
            )
            pace = Pace(silence=settings.silence_seconds)
            self.watch = ClusterWatch(connection, role, self.debounce, pace=pace)
            self.health = self._health(settings)
        except BaseException:
            self._closing.close()
            raise
        self._settings = settings
        self._held: list[Work] = []

    def run(self, until: threading.Event) -> None:
        """Watch until *until*, then publish what waits, keep the rest, and end."""
        with self._closing:
            self._restore()
            if self.health:
                self.health.start()
            self.debounce.start()
            self.watch.start()
            _LOG.info(
                "watching %s as %s, publishing on %s%s",
                self._settings.cluster,
                self._settings.watch,
                self._settings.bus,
                f", health on port {self.health.port}" if self.health else "",
            )
            self._watch_until(until)
            self.watch.stop()
            self.debounce.stop(_DRAIN_SECONDS)
            self._save()
            left = len(self._held) + len(self.debounce.pending())
            _LOG.info("ended, %d works were not published", left)

    def _watch_until(self, until: threading.Event) -> None:
        saved = time.monotonic()
        while not until.wait(_POLL_SECONDS if self._held else _SAVE_SECONDS):
            if self._held and self.watch.synced:
                self.debounce.add(self._held)
                self._held = []
            if time.monotonic() - saved >= _SAVE_SECONDS:
                self._save()
                saved = time.monotonic()

    def _restore(self) -> None:
        if self._file is None:
            return
        found = self._file.load()
        if found.known is not None:
            self.watch.restore(found.known)
        # Told before the list is complete, a unit could change between the two, seen by nobody.
        self._held = list(found.pending)

    def _publish(self, works: Sequence[Work]) -> None:
        if self._file is not None:
            try:
                self._file.note(works)
            except OSError as error:
                _LOG.warning("the journal cannot be written: %s", error)
        self._bus.publish(works)

    def _save(self) -> None:
        """Write the checkpoint; for the order of things see `watcher.checkpoint`."""
        if self._file is None:
            return
        try:
            self._file.begin()
            known = self.watch.known()
            self._file.save(known, [*self._held, *self.debounce.pending()])
        except OSError as error:  # the old one still holds; a restart tells a little more then
            _LOG.warning("the checkpoint cannot be written: %s", error)

    def _health(self, settings: Settings) -> HealthServer | None:
        if not settings.health:
            return None
        pages = {
            "/healthz": lambda: figures.alive(self.watch, self.debounce),
            "/readyz": lambda: figures.ready(self.watch),
            "/metrics": lambda: figures.metrics(self.watch, self.debounce),
        }
        made = HealthServer(settings.health, pages)
        self._closing.callback(made.stop)
        return made


def _check(settings: Settings) -> None:
    """
    Let the settings of a watcher pass.

    Raises:
        Invalid: With every reason.
    """
    reasons = [
        f"FEDINGRESS_{name.upper()} is not set: {what}"
        for name, what in (
            ("watch", "config or member, what the cluster is"),
            ("cluster", "the name of the cluster"),
        )
        if not getattr(settings, name)
    ]
    if settings.bus == "inprocess:":
        reasons.append(
            "FEDINGRESS_BUS is inprocess:, which nobody else hears; `fedingress serve` watches by"
            " itself, and a watcher publishes on pubsub: or sns:"
        )
    if reasons:
        raise Invalid(reasons)


def _file(settings: Settings) -> CheckpointFile | None:
    if not settings.checkpoint:
        return None
    path = Path(settings.checkpoint).expanduser()
    if not path.parent.is_dir():
        raise Invalid(f"FEDINGRESS_CHECKPOINT: there is no directory {path.parent}")
    return CheckpointFile(path, f"{settings.owner}/{settings.watch}/{settings.cluster}")


def run() -> None:
    """The command `fedingress-watcher`; settings are variables of the environment."""
    until = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: until.set())
    try:
        settings = read()
        log_to_stderr(settings.log_level)
        WatcherProcess(settings).run(until)
    except FederationError as error:
        reasons = error.reasons if isinstance(error, Invalid) else (str(error),)
        sys.exit("\n".join(reasons))


if __name__ == "__main__":
    run()
