"""The command line of the lab: one world per folder, found and ended from anywhere."""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from localcloud import control
from localcloud.cli import app
from tests.localcloud.gce import until
from tests.localcloud.processes import command_lines

pytestmark = pytest.mark.wire

CHILD = shlex.join(
    [
        sys.executable,
        "-u",
        "-c",
        "import os, time; print(os.environ['FEDINGRESS_OWNER']); time.sleep(99)",
    ]
)


def cli(*words, state, check=True):
    """Run one command, as a user in a pipe would."""
    command = [sys.executable, "-m", "localcloud.cli", *words, "--state", str(state)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert not check or done.returncode == 0, done.stderr + done.stdout
    return done


@pytest.fixture(scope="module")
def state(tmp_path_factory):
    """A world with one member, started by the command line, ended at the end."""
    folder = tmp_path_factory.mktemp("lab")
    cli("up", "--detach", "--members", "gke-us", "--functions-command", CHILD, state=folder)
    yield folder
    cli("down", state=folder)


def ask(state):
    return json.loads(cli("status", "--output", "json", state=state).stdout)


def test_second_up_says_that_it_runs(state):
    """A second `up` in the same folder starts nothing and is no error."""
    for detach in ((), ("--detach",)):
        done = cli("up", "--members", "gke-us", *detach, state=state)

        assert "already runs" in done.stdout


def test_status_for_people_and_programs(state):
    """Status names the clusters as a table and as JSON."""
    assert [cluster["name"] for cluster in ask(state)["clusters"]] == ["config", "gke-us"]
    text = cli("status", state=state).stdout
    assert "us-central1" in text
    assert "Functions  running" in text


def test_env_is_for_a_shell(state):
    """A shell that evaluates env reaches the world; JSON holds the same variables."""
    variables = json.loads(cli("env", "-o", "json", state=state).stdout)
    script = cli("env", state=state).stdout + 'printf "%s\\n" "$LOCALCLOUD_CONTROL" "$KUBECONFIG"'
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)

    assert done.stdout.split() == [variables["LOCALCLOUD_CONTROL"], variables["KUBECONFIG"]]


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")
def test_kubectl_with_the_environment(state):
    """With the variables of env, kubectl finds every cluster."""
    script = cli("env", state=state).stdout + "kubectl --context gke-us get nodes -o name"
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)

    assert done.stdout.split() == [
        f"node/gke-us-us-central1-{node}" for node in ("a-1", "a-2", "b-1", "b-2")
    ]


def test_functions_are_kept_stopped_and_started(state):
    """The functions run as a child with the lab's variables, and can be stopped and started."""
    log = state / "functions.log"
    until(lambda: log.exists() and log.read_text(encoding="utf-8") == "lab\n", "their output")
    stopped = json.loads(cli("functions", "stop", state=state).stdout)
    assert not stopped["running"]
    assert not json.loads(cli("functions", state=state).stdout)["wanted"]
    cli("functions", "start", state=state)
    until(lambda: ask(state)["functions"]["running"], "the functions")


def test_friendly_verbs(state):
    """Power, API server and replicas have verbs of their own; ctl reaches all the rest."""
    cli("kill", "gke-us", state=state)
    assert not ask(state)["clusters"][1]["power"]
    cli("revive", "gke-us", state=state)
    cli("api", "gke-us", "slow", "--seconds", "0.01", state=state)
    found = ask(state)["clusters"][1]
    assert (found["power"], found["api"]) == (True, "slow")
    cli("api", "gke-us", "up", state=state)
    left = json.loads(cli("ctl", "GET", "/leftovers", state=state).stdout)
    assert not any(left.values())


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("kill", "mars"), "no cluster 'mars'"),
        (("scale", "gke-us", "none", "2"), "no Deployment default/none"),
        (("resolve", "nobody.example.com"), "nobody.example.com"),
        (("resolve", "a.example.com", "--region", "mars"), "us-central1"),
        (("ctl", "POST", "/faults", "{"), "no JSON"),
    ],
)
def test_mistakes_get_a_sentence(state, words, sentence):
    """A mistake ends with status 1 and a sentence, without a traceback."""
    done = cli(*words, state=state, check=False)

    assert done.returncode == 1
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


def test_down_leaves_nothing(tmp_path):
    """After `down` the process, HAProxy and the functions are gone; again, it is fine."""
    began = time.monotonic()
    cli(
        *("up", "--detach", "--members", "gke-us", "--functions-command", CHILD),
        state=tmp_path,
    )
    print(f"up took {time.monotonic() - began:.2f} s")
    document = ask(tmp_path)
    pids = [document["functions"]["pid"], json.loads((tmp_path / "world.json").read_text())["pid"]]
    haproxy = [pid for pid, line in command_lines().items() if str(tmp_path) in line]
    assert len(haproxy) >= 2
    assert "Ended" in cli("down", state=tmp_path).stdout
    until(lambda: not {*pids, *haproxy} & command_lines().keys(), "every process to end")

    assert "No world runs" in cli("down", state=tmp_path).stdout


def test_a_killed_world_takes_everything_along(tmp_path):
    """Nothing outlives a world that is killed, and its folder can be used again at once."""
    cli(
        *("up", "--detach", "--members", "gke-us", "--functions-command", CHILD),
        state=tmp_path,
    )
    functions = until(lambda: ask(tmp_path)["functions"]["pid"], "the functions")
    haproxy = {pid for pid, line in command_lines().items() if str(tmp_path) in line}
    os.kill(json.loads((tmp_path / "world.json").read_text())["pid"], signal.SIGKILL)
    until(lambda: not {functions, *haproxy} & command_lines().keys(), "every process to end")
    assert "No world runs" in cli("down", state=tmp_path).stdout
    cli("up", "--detach", "--members", "gke-us", "--no-functions", state=tmp_path)
    assert "Ended" in cli("down", state=tmp_path).stdout


def test_ctrl_c_ends_a_world_in_the_foreground(tmp_path):
    """Without --detach the world runs until Ctrl-C, and then ends well."""
    command = [sys.executable, "-m", "localcloud.cli", "up", "--no-functions"]
    process = subprocess.Popen([*command, "--members", "gke-us", "--state", str(tmp_path)])
    try:
        until((tmp_path / "world.json").exists, "the world")
        process.send_signal(signal.SIGINT)

        assert process.wait(10) == 0
        assert not (tmp_path / "world.json").exists()
    finally:
        process.kill()
        process.wait()


def test_every_command_and_path_is_documented():
    """The page on the local cloud names each command and each path of the control API."""
    page = (Path(__file__).parents[2] / "docs" / "localcloud.md").read_text(encoding="utf-8")
    commands = [command.callback.__name__ for command in app.registered_commands]
    rows = [line.split()[:2] for line in control.__doc__.splitlines() if " /" in line]
    words = {path.split("/")[1] for _, path in rows}

    assert len(commands) >= 11
    assert len(words) >= 8
    assert [name for name in commands if not re.search(rf"\| `{name}\b|, `{name} ", page)] == []
    assert [word for word in words if f" /{word}" not in page] == []


def test_nothing_runs(tmp_path):
    """Without a world, down is fine and the others say how to start one."""
    cli("down", state=tmp_path)
    done = cli("env", state=tmp_path, check=False)

    assert done.returncode == 1
    assert "fedingress local up" in done.stderr


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--members", "mars"), "'mars' is none of"),
        (("--manifests", "/nonexistent"), "--manifests"),
    ],
)
def test_a_world_that_cannot_start_says_why(tmp_path, words, sentence):
    """When `up` fails, detached or not, the reason is shown and the status is 1."""
    for detach in ((), ("--detach",)):
        done = cli("up", "--no-functions", *words, *detach, state=tmp_path, check=False)

        assert done.returncode == 1
        assert sentence in done.stderr
        assert "Traceback" not in done.stderr


def test_a_missing_command_is_said_and_the_world_runs(tmp_path):
    """A functions command that is not installed is a clear message; the world runs without."""
    cli(
        *("up", "--detach", "--members", "gke-us"),
        *("--functions-command", "there-is-no-such-command serve"),
        state=tmp_path,
    )
    try:
        assert "there is no command" in ask(tmp_path)["functions"]["fault"]
    finally:
        cli("down", state=tmp_path)


@pytest.mark.parametrize("detach", [(), ("--detach",)])
def test_a_folder_that_cannot_be_made_is_told(tmp_path, detach):
    """One sentence with the way out, no traceback."""
    (tmp_path / "file").write_text("not a folder", encoding="utf-8")
    done = cli("up", *detach, state=tmp_path / "file" / "lab", check=False)

    assert (done.returncode, done.stdout) == (1, "")
    assert len(done.stderr.splitlines()) == 1
    assert "name another with --state" in done.stderr


@pytest.mark.parametrize(
    "words", [("env", "-o", "yaml"), ("functions", "restart"), ("api", "gke-us", "sideways")]
)
def test_a_word_that_is_no_choice_is_refused_with_the_choices(tmp_path, words):
    """Misused, exit status 2, before anybody is asked."""
    done = cli(*words, state=tmp_path, check=False)

    assert done.returncode == 2
    assert "is not one of" in done.stderr
