"""The command line over a world of the local cloud, as a user calls it."""

import json
import logging
import signal
import sys
from dataclasses import dataclass

import pytest
import yaml

from fedingress.cli import main
from localcloud.world.running import running_world
from localcloud.world.spec import WorldSpec
from tests.doors import shop
from tests.doors.shop import GKE
from tests.localcloud.gce import variables


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a command left behind; *out* and *err* as in a pipe."""

    code: int
    out: str
    err: str

    @property
    def json(self):
        """Standard output, which must be one JSON document."""
        return json.loads(self.out)


@pytest.fixture
def process():
    """What a command changes of its process for good: the log and the handlers of signals."""
    log = logging.getLogger("fedingress")
    before = (log.handlers[:], log.level, log.propagate)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    log.handlers[:], log.level, log.propagate = before
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.fixture
def fedingress(process, monkeypatch, capsys):
    """`fedingress("status", "shop")` runs the console script in this process."""

    def call(*words):
        capsys.readouterr()
        monkeypatch.setattr(sys, "argv", ["fedingress", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            main.run()
        said = capsys.readouterr()
        return Answer(code=ended.value.code or 0, out=said.out, err=said.err)

    return call


@pytest.fixture(scope="module")
def world():
    """A config cluster with class and policy, two members with the example shop in each."""
    with running_world(WorldSpec(members=GKE, operation_seconds=0.02)) as running:
        shop.workloads(running)
        shop.put(running, "config", *shop.documents("Namespace", *shop.PLATFORM))
        with variables(running.env()):
            yield running


@pytest.fixture
def submitted(world):
    """The shop's Ingress is there, as its users wrote it; what came of it may be there, too."""
    shop.put(world, "config", shop.ingress())
    return world


@pytest.fixture
def settled(submitted, fedingress):
    """And all that follows from it stands."""
    assert fedingress("repair", "shop", "--apply").code == 0
    return submitted


@pytest.fixture
def manifests(tmp_path):
    """`manifests(*documents)` gives a folder with them, one file each."""

    def write(*documents):
        for number, document in enumerate(documents):
            text = document if isinstance(document, str) else yaml.safe_dump(document)
            (tmp_path / f"{number}.yaml").write_text(text, encoding="utf-8")
        return tmp_path

    return write
