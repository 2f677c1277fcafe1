"""What a newcomer mistypes or leaves out: one sentence each, which says what to do, and no more."""

import pytest

from tests.doors import shop

SETTINGS = ("FEDINGRESS_KUBECONFIG", "FEDINGRESS_SOURCES", "KUBERNETES_SERVICE_HOST")


@pytest.fixture
def bare(monkeypatch):
    """No setting names a config cluster, and this is no pod."""
    for name in SETTINGS:
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("words", [("status",), ("plan",), ("serve",), ("cluster", "list")])
def test_without_a_config_cluster_the_way_to_name_one_is_told(bare, fedingress, words):
    """The variable to set stands in the sentence, and how the lab sets it."""
    answer = fedingress(*words)

    assert (answer.code, answer.out) == (1, "")
    told = answer.err.splitlines()[-1]
    assert "set FEDINGRESS_KUBECONFIG" in told
    assert 'eval "$(fedingress local env)"' in told
    assert "Traceback" not in answer.err


@pytest.mark.parametrize("text", ["just words", "- a\n- b\n", "{a: [", "contexts: 3\n"])
def test_a_file_that_is_no_kubeconfig_is_told(bare, fedingress, monkeypatch, tmp_path, text):
    """Whatever it holds instead, its name stands in one sentence."""
    wrong = tmp_path / "config"
    wrong.write_text(text, encoding="utf-8")
    monkeypatch.setenv("FEDINGRESS_KUBECONFIG", str(wrong))
    answer = fedingress("status")

    assert (answer.code, answer.out) == (1, "")
    assert answer.err.startswith(f"error: {wrong} ")
    assert "object" not in answer.err


@pytest.mark.parametrize("command", ["status", "serve"])
def test_a_directory_that_is_not_there_is_told_and_not_made(
    bare, fedingress, monkeypatch, tmp_path, command
):
    """A folder that is not mounted is not an empty one: nothing is served from it."""
    monkeypatch.setenv("FEDINGRESS_SOURCES", f"directory:{tmp_path / 'away'}")
    monkeypatch.setenv("FEDINGRESS_STORE", "memory:")
    answer = fedingress(command)

    assert answer.code == 1
    assert f"there is no directory {tmp_path / 'away'}" in answer.err
    assert not (tmp_path / "away").exists()


def test_a_folder_without_manifests_is_told(fedingress, tmp_path):
    """An empty folder is a typing error, not a success."""
    (tmp_path / "notes.txt").write_text("no manifest", encoding="utf-8")
    answer = fedingress("apply", "-f", tmp_path)

    assert answer.code == 1
    assert "holds no .yaml, .yml or .json file" in answer.err


@pytest.mark.wire
def test_hidden_files_and_folders_are_left_out(world, fedingress, manifests):
    """What a directory of sources keeps for itself, and editors leave behind, is not applied."""
    folder = manifests(shop.another("seen", "seen.example.com"))
    (folder / ".fedingress").mkdir()
    (folder / ".fedingress" / "kept.json").write_text("{", encoding="utf-8")
    (folder / ".0.yaml").write_text("{", encoding="utf-8")
    answer = fedingress("apply", "-f", folder, "-o", "json")

    assert answer.code == 0
    assert [row["name"] for row in answer.json["objects"]] == ["seen"]


@pytest.mark.wire
def test_a_row_stays_one_line_in_a_pipe(world, fedingress, manifests):
    """However long a reason or a name is: no cell is folded, and no line ends with blanks."""
    folder = manifests(shop.another("a" * 60 + "." + "b" * 60 + "." + "c" * 60, "l.example.com"))
    (folder / "broken.yaml").write_text("a: [\n" + "# " + "x" * 300, encoding="utf-8")
    answer = fedingress("apply", "-f", folder)

    lines = answer.out.splitlines()
    assert len(lines) == 3
    assert lines == [line.rstrip() for line in lines]
    assert "c" * 60 in lines[1]
    assert lines[2].count("broken.yaml") == 1


@pytest.mark.wire
@pytest.mark.parametrize(
    ("name", "option", "said"),
    [
        ("Bad_Name", (), "Bad_Name"),
        ("fine", ("--label", "a b=1"), "'a b' is not a label key"),
        ("fine", ("--label", "a=1 2"), "'1 2' is not a label value"),
        ("fine", ("--property", "provider=moon"), "moon"),
        ("fine", ("--property", "region=Mars!"), "Mars!"),
        ("fine", ("--property", "colour=red"), "there are provider, region"),
    ],
)
def test_a_member_that_cannot_be_read_is_not_joined(world, fedingress, name, option, said):
    """It is refused before anything is written: no Secret without a profile, no frozen profile."""
    context = ("--kubeconfig", world.kubeconfig, "--context", "gke-us")
    answer = fedingress("cluster", "join", name, *context, *option)

    assert (answer.code, answer.out) == (1, "")
    assert said in answer.err
    secret = world.clusters["config"].get("secrets", "fedingress-inventory", f"{name}-token")
    assert secret is None


@pytest.mark.wire
def test_forgetting_a_name_that_nobody_has_is_told(world, fedingress):
    """A mistyped name is no success."""
    answer = fedingress("cluster", "leave", "nobody", "--forget")

    assert answer.code == 1
    assert answer.err == "error: there is no member nobody; see: fedingress cluster list\n"


@pytest.mark.parametrize(
    "words",
    [("apply",), ("plan",), ("status",), ("repair",), ("cluster", "join"), ("cluster", "leave")],
)
def test_help_gives_an_example(fedingress, words):
    """Each command shows how it is called."""
    answer = fedingress(*words, "--help")

    assert answer.code == 0
    assert f"fedingress {' '.join(words)} " in answer.out.split("Example", 1)[1]
