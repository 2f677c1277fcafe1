"""`fedingress plan` and `fedingress repair`: what would change, and carrying it out."""

import pytest

from tests.doors import shop
from tests.doors.shop import copies

pytestmark = pytest.mark.wire

ACTIONS = {"create", "update", "delete"}


def check_preview(preview):
    """The schema of one Ingress in `--output json`."""
    assert set(preview) == {"source", "concerns"}
    assert list(preview["concerns"]) == sorted(["fanout", "backends", "dns"])
    for concern in preview["concerns"].values():
        assert set(concern) == {"changes", "held"}
        assert all(isinstance(text, str) for text in concern["held"])
        for change in concern["changes"]:
            assert change["action"] in ACTIONS
            assert change["what"]
            assert change["why"]


def changes(preview, concern):
    return [(each["action"], each["what"]) for each in preview["concerns"][concern]["changes"]]


def test_a_plan_of_files_needs_nothing_applied(world, fedingress, manifests):
    """An Ingress that exists in a file only is planned to its record; exit 2; nothing is there."""
    folder = manifests(shop.another("planned", "planned.example.com"))
    answer = fedingress("plan", "-f", folder, "-o", "json")

    assert answer.code == 2
    (preview,) = answer.json
    check_preview(preview)
    assert preview["source"] == "shop/planned"
    assert ("create", "gke-us: Ingress shop/planned") in changes(preview, "fanout")
    assert ("create", "A planned.example.com") in changes(preview, "dns")
    assert world.clusters["config"].get(shop.INGRESSES, "shop", "planned") is None
    assert copies(world, "planned") == {}


def test_nothing_to_change_exits_zero(settled, fedingress):
    """A converged Ingress has no changes, for machines and for people."""
    answer = fedingress("plan", "shop", "-o", "json")
    assert answer.code == 0
    check_preview(answer.json[0])

    table = fedingress("plan", "shop/shop")
    assert (table.code, table.err) == (0, "")
    assert "shop/shop: no changes" in table.out


def test_drift_is_planned_and_repaired(settled, fedingress):
    """A copy that somebody removed is planned, left alone by a dry repair, and then restored."""
    settled.run(lambda w: w.cluster("gke-us").kube.remove(shop.INGRESSES, "shop", "shop"))
    planned = fedingress("plan", "shop", "-o", "json")
    assert planned.code == 2
    assert changes(planned.json[0], "fanout") == [("create", "gke-us: Ingress shop/shop")]

    dry = fedingress("repair", "shop", "-o", "json")
    assert dry.code == 2
    assert (dry.json["applied"], "left" in dry.json) == (False, False)
    check_preview(dry.json["before"])
    assert set(copies(settled)) == {"gke-eu"}

    done = fedingress("repair", "shop", "--apply", "-o", "json")
    assert done.code == 0
    check_preview(done.json["left"])
    assert set(copies(settled)) == {"gke-eu", "gke-us"}


def test_repair_tells_people_what_to_do(settled, fedingress):
    """A dry repair names the command that carries it out; after it all is mended."""
    settled.run(lambda w: w.cluster("gke-eu").kube.remove(shop.INGRESSES, "shop", "shop"))
    dry = fedingress("repair", "shop")
    assert "+ gke-eu: Ingress shop/shop" in dry.out
    assert "fedingress repair shop --apply" in dry.out

    assert fedingress("repair", "shop", "--apply").out.splitlines()[-1] == "mended"


@pytest.mark.parametrize("command", ["plan", "repair", "status"])
def test_an_unknown_name_is_told_with_those_that_are_known(submitted, fedingress, command):
    """A name, and a name with its namespace, that is not there: one sentence, exit 1."""
    answer = fedingress(command, "nobody")
    assert answer.code == 1
    assert "there is no federated Ingress 'nobody'; there is " in answer.err
    assert "shop/shop" in answer.err
    assert fedingress(command, "shop/nobody").err == "error: there is no Ingress shop/nobody\n"
    assert fedingress(command, "a/b/c").err == "error: 'a/b/c' is not NAMESPACE/NAME\n"


def test_repair_wants_a_name(submitted, fedingress):
    """An empty name is not just any Ingress."""
    answer = fedingress("repair", "")

    assert answer.code == 1
    assert "say which Ingress" in answer.err


def test_a_file_that_does_not_parse_is_told(world, fedingress, manifests):
    """A plan of a broken file names the file."""
    answer = fedingress("plan", "-f", manifests("kind: ["))

    assert answer.code == 1
    assert "0.yaml" in answer.err
