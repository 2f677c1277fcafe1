"""The product as it runs in these tests: embedded homes in this process, or one of its own."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fedingress.domain.work import RESYNC, Concern, Work
from fedingress.runtime.embedded import Embedded
from fedingress.runtime.settings import read
from tests.e2e.site import Site
from tests.e2e.waiting import until

ZONE_UNIT = "cloud-dns:lab/example-com"
_IDLE_SECONDS = 60.0


@contextmanager
def embedded(site: Site, store: Path, **settings: str) -> Iterator[Embedded]:
    """A running home over *store*; *settings* are names of `FEDINGRESS_` variables."""
    more = {f"FEDINGRESS_{name.upper()}": value for name, value in settings.items()}
    here = {"FEDINGRESS_STORE": f"sqlite:{store}", "FEDINGRESS_TICK_SECONDS": "1"}
    home = Embedded(read({**site.env, **here, **more}))
    home.start()
    try:
        yield home
    finally:
        home.stop()


def look_thoroughly(home: Embedded, name: str = "shop/shop") -> None:
    """Let every concern look at all it has, and wait until no work follows from it."""
    works: list[tuple[Concern, str]] = [
        ("fanout", name),
        ("backends", name),
        ("backends", "firewall:lab/default"),
        ("dns", ZONE_UNIT),
        ("status", name),
    ]
    bus = home.home.bus
    bus.publish([Work(concern=concern, unit=unit, cause=RESYNC) for concern, unit in works])
    assert bus.idle(_IDLE_SECONDS, within_seconds=2.0), "the work never ends"


def until_quiet(home: Embedded, site: Site, name: str = "shop/shop") -> None:
    """
    Wait until a thorough look by every concern costs clouds and clusters no write at all.

    A probe that a busy machine lost is news, which the look before may still have told.
    """
    look_thoroughly(home, name)

    def quiet() -> bool:
        site.forget_calls()
        look_thoroughly(home, name)
        return site.calls() == 0

    until("a look without a write", quiet, say=lambda: site.control.call("GET", "/calls"))


def serving(site: Site, store: Path, log: Path, **settings: str) -> "subprocess.Popen[bytes]":
    """Start `fedingress serve`; the caller ends it."""
    more = {f"FEDINGRESS_{name.upper()}": value for name, value in settings.items()}
    here = {"FEDINGRESS_STORE": f"sqlite:{store}", "FEDINGRESS_TICK_SECONDS": "1"}
    with log.open("ab") as output:
        return subprocess.Popen(
            [str(Path(sys.executable).parent / "fedingress"), "serve"],
            env={**os.environ, **site.env, **here, **more},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
