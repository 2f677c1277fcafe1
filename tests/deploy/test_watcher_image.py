"""The image of the watcher: what it is built from, and that this is enough to run it."""

import hashlib
import json
import os
import re
import subprocess
import sys

import pytest

from infra import stage
from infra.watcher_image import DOCKERFILE, stage_image

TEXT = DOCKERFILE.read_text(encoding="utf-8").replace("\\\n", " ")
LINES = [
    line.split(maxsplit=1)
    for line in TEXT.splitlines()
    if line.strip() and not line.startswith("#")
]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    try:
        return stage.build_wheel(tmp_path_factory.mktemp("wheel"))
    except stage.StagingError as error:
        pytest.skip(f"the library cannot be built here: {error}")


def of(word):
    return [rest for first, rest in LINES if first == word]


class TestDockerfile:
    """What linters of such files ask for, and what our pods assume."""

    def test_its_words_are_known(self):
        """Nothing is fetched (ADD), and every instruction is one that is looked at here."""
        known = {"ARG", "FROM", "COPY", "RUN", "ENV", "USER", "EXPOSE", "STOPSIGNAL", "ENTRYPOINT"}
        assert {first for first, _ in LINES} == known

    def test_its_bases_are_pinned(self):
        """Both stages begin from one version, neither from `latest`."""
        assert {each.split()[0] for each in of("FROM")} == {"python:${PYTHON}"}
        (version,) = of("ARG")
        assert re.fullmatch(r"PYTHON=3\.\d+-slim-[a-z]+", version)

    def test_it_runs_as_nobody(self):
        """A number, so that a kubelet can check it; the last word before the program."""
        assert of("USER") == ["65532:65532"]
        last = [first for first, _ in LINES]
        assert last.index("USER") > max(i for i, word in enumerate(last) if word == "FROM")

    def test_commands_are_lists(self):
        """No shell is between a signal and the program, nor between us and pip."""
        for text in [*of("RUN"), *of("ENTRYPOINT")]:
            assert all(isinstance(word, str) for word in json.loads(text))

    def test_packages_are_hashed_and_not_cached(self):
        """Wheels come by hash only, as the file lists them and nothing else, and none is kept."""
        (pip,) = [json.loads(text) for text in of("RUN") if '"pip"' in text]
        assert {"--require-hashes", "--no-deps", "--only-binary=:all:", "--no-cache-dir"} <= set(
            pip
        )

    def test_what_is_copied_is_staged(self, wheel, tmp_path):
        """Each source of a COPY from outside is in the folder, and all of that is used."""
        stage_image("gcp", wheel, tmp_path / "it")
        sources = {each.split()[0] for each in of("COPY") if not each.startswith("--from")}
        assert sources | {"Dockerfile"} == {path.name for path in (tmp_path / "it").iterdir()}


@pytest.mark.parametrize("home", stage.HOMES)
def test_equal_sources_give_equal_bytes(wheel, tmp_path, home):
    """So an image need not be built again; the wheel is the one that is named by its hash."""
    first = stage_image(home, wheel, tmp_path / "a")
    assert stage_image(home, wheel, tmp_path / "b") == first
    text = (tmp_path / "a" / "requirements.txt").read_text()
    assert hashlib.sha256(wheel.read_bytes()).hexdigest() in text


@pytest.mark.slow
@pytest.mark.parametrize(
    ("home", "bus"),
    [("gcp", "pubsub:lab/changes"), ("aws", "sns:arn:aws:sns:us-east-1:000000000000:changes")],
)
def test_what_is_staged_is_enough(wheel, tmp_path, home, bus):
    """Installed by hash, wheels only, alone: the process starts, and its bus and signer load."""
    context, target = tmp_path / "context", tmp_path / "target"
    stage_image(home, wheel, context)
    command = [stage.find_uv(), "pip", "install", "--quiet", "--require-hashes", "--no-compile"]
    command += ["--no-deps", "--only-binary", ":all:", "--python", sys.executable]
    command += ["--target", str(target), "--requirement", str(context / "requirements.txt")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    (tmp_path / "kubeconfig").write_text(
        "apiVersion: v1\nkind: Config\ncurrent-context: it\n"
        "contexts: [{name: it, context: {cluster: it, user: it}}]\n"
        "clusters: [{name: it, cluster: {server: 'https://127.0.0.1:9'}}]\n"
        "users: [{name: it, user: {token: x}}]\n"
    )
    code = (
        f"import sys; sys.path.insert(0, {str(target)!r})\n"
        "from pathlib import Path\n"
        "from fedingress.adapters.signing import new_pair\n"
        "from fedingress.domain.errors import FederationError\n"
        "from fedingress.domain.work import Work\n"
        "from fedingress.runtime.settings import read\n"
        "from fedingress.runtime.watcher import WatcherProcess\n"
        "Path('key.pem').write_text(new_pair()[0])\n"
        "made = WatcherProcess(read())\n"
        "made._bus.timeout_seconds = 0.2\n"
        "try:\n"
        "    made._bus.publish([Work(concern='fanout', unit='a/b', cause='test')])\n"
        "except FederationError as error:\n"
        "    print(type(error).__name__)\n"
    )
    settings = {
        "FEDINGRESS_WATCH": "member",
        "FEDINGRESS_CLUSTER": "gke-us",
        "FEDINGRESS_BUS": bus,
        "FEDINGRESS_PUBSUB_ENDPOINT": "http://127.0.0.1:9",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "x",
        "FEDINGRESS_KUBECONFIG": str(tmp_path / "kubeconfig"),
        "FEDINGRESS_SIGNING_KEY": "key.pem",
    }
    ran = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), **settings},
    )
    assert (ran.returncode, ran.stdout) == (0, "Unavailable\n"), ran.stderr
