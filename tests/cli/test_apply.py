"""`fedingress apply`: what goes through, what is refused, and that both are told."""

import pytest

from tests.doors import shop

pytestmark = pytest.mark.wire

BROKEN = "kind: Ingress\nmetadata: [\n"


def refused(name="moon"):
    """A policy that the schema refuses."""
    (policy,) = shop.documents("FederationPolicy")
    return policy | {"metadata": {"name": name}, "spec": policy["spec"] | {"topology": "moon"}}


def stored(world, name):
    return world.clusters["config"].get(shop.INGRESSES, "shop", name)


def test_what_is_applied_is_there(world, fedingress, manifests):
    """A folder goes into the config cluster; a second time nothing is new."""
    folder = manifests(shop.another("applied", "applied.example.com"))
    first = fedingress("apply", "-f", folder, "-o", "json")

    assert (first.code, first.err) == (0, "")
    (row,) = first.json["objects"]
    assert (row["kind"], row["namespace"], row["name"]) == ("Ingress", "shop", "applied")
    assert stored(world, "applied")
    second = fedingress("apply", "-f", folder, "-o", "json").json["objects"]
    assert [each["action"] for each in second] != [row["action"]]


def test_every_fault_is_told_and_the_rest_goes_on(world, fedingress, manifests):
    """A broken file and a refused object are two faults; their neighbour is applied; exit 1."""
    folder = manifests(BROKEN, refused(), shop.another("beside", "beside.example.com"))
    answer = fedingress("apply", "-f", folder, "-o", "json")

    assert answer.code == 1
    told = {row["name"]: row for row in answer.json["objects"]}
    assert told["moon"]["action"] == "failed"
    assert "topology" in told["moon"]["reason"]
    (broken,) = [row for name, row in told.items() if name.startswith(str(folder / "0.yaml"))]
    assert broken["action"] == "failed"
    assert told["beside"]["action"] != "failed"
    assert stored(world, "beside")


def test_the_table_tells_the_same(world, fedingress, manifests):
    """For people: one line an object, with its reason, and no cell cut in a pipe."""
    answer = fedingress("apply", "-f", manifests(refused("moon-table")))

    assert answer.code == 1
    assert answer.out.startswith("KIND")
    assert "moon-table" in answer.out
    assert "topology" in answer.out
    assert answer.err == ""


def test_waiting_ends_when_it_is_programmed_or_time_is_over(world, fedingress, manifests):
    """Nobody works on it here: what was applied is told, then that it is not ready; exit 1."""
    folder = manifests(shop.another("waiting", "waiting.example.com"))
    answer = fedingress("apply", "-f", folder, "--wait", "0.3")

    assert answer.code == 1
    assert "waiting" in answer.out
    assert answer.err == "error: shop/waiting: nobody has looked at it yet, after 0.3 s\n"


@pytest.fixture
def stands(world, fedingress, manifests):
    """`stands(name, host)`: such an Ingress is applied, and all that follows has happened."""

    def make(name, host):
        assert fedingress("apply", "-f", manifests(shop.another(name, host))).code == 0
        fedingress("repair", name, "--apply")

    return make


def test_waiting_for_what_stands_already_ends_well(stands, fedingress, manifests):
    """An unchanged Ingress that is programmed and published needs no patience."""
    stands("stands", "stands.example.com")
    folder = manifests(shop.another("stands", "stands.example.com"))
    answer = fedingress("apply", "-f", folder, "--wait", "20", "-o", "json")

    assert (answer.code, answer.err) == (0, "")
    assert [each["ingress"] for each in answer.json["ingresses"]] == ["shop/stands"]


def test_an_edit_is_waited_for(stands, fedingress, manifests):
    """Conditions that speak of the former text do not count."""
    stands("edited", "edited.example.com")
    folder = manifests(shop.another("edited", "moved.example.com"))
    answer = fedingress("apply", "-f", folder, "--wait", "0.3")

    assert answer.code == 1
    assert "shop/edited: nobody has looked at it yet" in answer.err


def test_a_refused_ingress_is_no_success(stands, fedingress, manifests):
    """Its reason stands in the sentence, and the exit status says that it is not served."""
    stands("owner", "taken.example.com")
    stands("younger", "taken.example.com")
    folder = manifests(shop.another("younger", "taken.example.com"))
    answer = fedingress("apply", "-f", folder, "--wait", "0.3")

    assert answer.code == 1
    assert "host taken.example.com belongs to shop/owner" in answer.err


def test_an_ingress_of_another_class_is_not_waited_for(world, fedingress, manifests):
    """It is applied like anything else; others serve it."""
    other = shop.another("foreign", "foreign.example.com")
    folder = manifests(other | {"spec": other["spec"] | {"ingressClassName": "nginx"}})
    answer = fedingress("apply", "-f", folder, "--wait", "20")

    assert (answer.code, answer.err) == (0, "")


@pytest.mark.parametrize("path", ["missing", "missing.yaml"])
def test_a_path_that_is_not_there_is_told(world, fedingress, tmp_path, path):
    """One sentence, no traceback."""
    answer = fedingress("apply", "-f", tmp_path / path)

    assert answer.code == 1
    assert answer.err == f"error: {tmp_path / path} does not exist\n"


def test_a_directory_of_sources_is_not_applied_to(fedingress, manifests, monkeypatch, tmp_path):
    """Where files are the sources, they are put there, not applied."""
    monkeypatch.setenv("FEDINGRESS_SOURCES", f"directory:{tmp_path}")
    answer = fedingress("apply", "-f", manifests(shop.ingress()))

    assert answer.code == 1
    assert "put the manifests there" in answer.err
