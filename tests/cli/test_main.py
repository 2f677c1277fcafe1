"""The root of the command line: help, versions, groups of other packages, faults of settings."""

import json
import signal
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from fedingress.cli import main
from tests.doors.home import FolderHome
from tests.localcloud.gce import until

SCRIPT = Path(sys.executable).parent / "fedingress"


def test_help_lists_every_command(fedingress):
    """Each command of ours, and the local cloud's, which another package brings."""
    answer = fedingress("--help")

    assert answer.code == 0
    for name in ("apply", "plan", "status", "repair", "serve", "cluster", "local"):
        assert f" {name} " in answer.out


def test_the_version_is_the_distributions(fedingress):
    """`--version` is what was installed."""
    assert fedingress("--version").out == f"fedingress {version('federated-ingress')}\n"


def test_a_missing_local_cloud_says_how_to_get_it(fedingress, monkeypatch):
    """Without the package `fedingress local` is one sentence; other commands do not mind."""
    monkeypatch.setattr(main, "entry_points", lambda **_: ())
    answer = fedingress("local", "up")

    assert answer.code == 1
    assert answer.err == (
        "error: the local cloud is not installed; add it with: "
        "pip install federated-ingress[local]\n"
    )
    assert fedingress("--version").code == 0


def test_faults_of_settings_are_told_all_at_once(fedingress, monkeypatch):
    """Each on a line of its own, exit 1, no traceback."""
    monkeypatch.setenv("FEDINGRESS_WORKERS", "many")
    monkeypatch.setenv("FEDINGRESS_STROE", "memory:")
    answer = fedingress("status")

    assert (answer.code, answer.out) == (1, "")
    assert answer.err.splitlines() == [
        "error: FEDINGRESS_STROE is no setting; is FEDINGRESS_STORE meant?",
        "error: FEDINGRESS_WORKERS is 'many', not a number",
    ]


def test_a_cluster_that_does_not_answer_is_told(fedingress, monkeypatch, tmp_path):
    """A config cluster that is down is one sentence."""
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "c",
        "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:9"}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "c"}}],
        "users": [{"name": "c", "user": {"token": "t"}}],
    }
    (tmp_path / "kubeconfig").write_text(json.dumps(config))
    monkeypatch.setenv("FEDINGRESS_KUBECONFIG", str(tmp_path / "kubeconfig"))
    monkeypatch.setenv("FEDINGRESS_STORE", "memory:")
    answer = fedingress("status")

    assert answer.code == 1
    assert answer.err.startswith("error: the config cluster cannot be reached")
    assert len(answer.err.splitlines()) == 1


def test_usage_faults_exit_with_two(fedingress):
    """An unknown command or option is a fault of usage."""
    assert fedingress("nonsense").code == 2
    assert fedingress("status", "--output", "xml").code == 2


def test_an_empty_directory_has_no_status(fedingress, monkeypatch, tmp_path):
    """No Ingress at all is an empty list for machines, and an empty plan."""
    home = FolderHome(tmp_path)
    for name, value in home.environment.items():
        monkeypatch.setenv(name, value)

    assert fedingress("status", "-o", "json").json == []
    assert fedingress("plan", "-o", "json").json == []
    nobody = {"members": [], "faults": [], "other_publishers": {}}
    assert fedingress("cluster", "list", "-o", "json").json == nobody


@pytest.mark.parametrize("words", [("join", "x", "--kubeconfig", "k"), ("leave", "x")])
def test_members_of_a_directory_are_files(fedingress, monkeypatch, tmp_path, words):
    """Joining and leaving are for config clusters; a directory's profiles are written by hand."""
    kubeconfig = tmp_path / "k"
    kubeconfig.write_text(
        "contexts: [{name: c, context: {cluster: c, user: c}}]\n"
        "clusters: [{name: c, cluster: {server: 'https://127.0.0.1:9'}}]\n"
        "users: [{name: c, user: {token: t}}]\ncurrent-context: c\n"
    )
    monkeypatch.setenv("FEDINGRESS_SOURCES", f"directory:{tmp_path}")
    answer = fedingress("cluster", *(str(kubeconfig) if word == "k" else word for word in words))

    assert answer.code == 1
    assert "write the ClusterProfile there" in answer.err


@pytest.mark.wire
def test_serve_runs_until_it_is_interrupted(tmp_path):
    """The embedded home as a process: it acts on a file, and a SIGTERM ends it with 0."""
    home = FolderHome(tmp_path)
    process = subprocess.Popen([SCRIPT, "serve"], env=home.environment, stderr=subprocess.PIPE)
    try:
        home.submit()
        accepted = until(lambda: home.conditions().get("Accepted"), "a condition", seconds=60)
        assert accepted["status"] == "False"
    finally:
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=30)

    assert process.returncode == 0
    assert said.decode().startswith(f"serving directory:{home.sources}, state in sqlite:")
