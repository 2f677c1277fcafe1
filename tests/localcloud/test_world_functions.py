"""The functions as a child process: kept alive, ended politely, missing ones said."""

import asyncio
import os
import sys
import time
from pathlib import Path

import pytest

from localcloud.world import functions
from localcloud.world.functions import Functions, find_program

DEADLINE_SECONDS = 15.0


def in_loop(story):
    asyncio.run(asyncio.wait_for(story(), DEADLINE_SECONDS))


async def until(condition):
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        await asyncio.sleep(0.01)


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def written(tmp_path):
    log = tmp_path / "functions.log"
    return log.read_text(encoding="utf-8") if log.exists() else ""


def child(tmp_path, program, environment=None):
    return Functions(
        (sys.executable, "-u", "-c", program), environment or {}, tmp_path / "functions.log"
    )


def test_child_runs_with_the_environment_and_ends(tmp_path):
    """The child sees the lab's variables, its output is in the log, and stop ends it."""

    async def story():
        program = "import os, time; print('store', os.environ['STORE']); time.sleep(60)"
        found = child(tmp_path, program, {"STORE": "sqlite:x"})
        await found.start()
        await found.start()
        await until(lambda: "store sqlite:x" in written(tmp_path))
        pid = found.state()["pid"]
        assert alive(pid)
        await found.stop()
        await found.stop()

        assert not alive(pid)
        assert found.state() | {"log": "", "command": []} == {
            "wanted": False,
            "running": False,
            "pid": None,
            "starts": 1,
            "exit": -15,
            "fault": "",
            "log": "",
            "command": [],
        }

    in_loop(story)


def test_a_dead_child_comes_back(tmp_path, monkeypatch):
    """A child that ends by itself is started again, and the fault says so meanwhile."""
    monkeypatch.setattr(functions, "_FIRST_PAUSE_SECONDS", 0.02)

    async def story():
        found = child(tmp_path, "raise SystemExit(3)")
        await found.start()
        await until(lambda: found.state()["starts"] >= 3)
        await until(lambda: "ended with status 3" in found.state()["fault"])
        await found.stop()
        starts = found.state()["starts"]
        await asyncio.sleep(0.1)

        assert found.state()["starts"] == starts

    in_loop(story)


def test_a_stubborn_child_is_killed(tmp_path, monkeypatch):
    """A child that ignores SIGTERM is killed after the time it was given."""
    monkeypatch.setattr(functions, "STOP_SECONDS", 0.2)

    async def story():
        program = (
            "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
            "print('deaf'); time.sleep(60)"
        )
        found = child(tmp_path, program)
        await found.start()
        await until(lambda: "deaf" in written(tmp_path))
        pid = found.state()["pid"]
        await found.stop()

        assert not alive(pid)
        assert found.state()["exit"] == -9

    in_loop(story)


@pytest.mark.parametrize("command", [(), ("there-is-no-such-command", "serve")])
def test_missing_command_is_said(tmp_path, command):
    """Without a command nothing runs, and the state says why."""

    async def story():
        found = Functions(command, {}, tmp_path / "functions.log")
        await found.start()

        assert not found.state()["running"]
        assert "no command" in found.state()["fault"]
        await found.stop()

    in_loop(story)


def test_commands_beside_the_interpreter_are_found(monkeypatch):
    """A command of this very environment is found even when PATH does not name its folder."""
    monkeypatch.setenv("PATH", "/nonexistent")
    name = Path(sys.executable).name

    assert find_program(name) is not None
    assert find_program("there-is-no-such-command") is None
