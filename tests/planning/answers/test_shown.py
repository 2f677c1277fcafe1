"""What an Ingress is told of its members' shares, and when."""

from fedingress.planning.answers.shown import members, moving, rests, told
from tests.planning.answers.zones import Zone, intent, target

FULL = {"share": 1.0, "wanted": 1.0, "weight": 255, "reason": ""}
DOWN = {"ready": 0.0, "balancer": False}


def asked(routing="latency", **fields):
    """An intent of two members in two regions, and a third beside the first."""
    return intent(
        "u1",
        target("us", **fields.get("us", {})),
        target("us2", **fields.get("us2", {})),
        target("ap", **fields.get("ap", {})),
        routing=routing,
    )


def test_each_member_has_the_share_of_its_own_pool():
    """In its own region by capacity; where all are in one pool, of that."""
    wide = asked(us={"capacity": 300}, us2={"capacity": 100})
    found = members(Zone(wide).weigh(wide), "u1")
    assert found["us"] == {"share": 0.75, "wanted": 0.75, "weight": 255, "reason": ""}
    assert found["us2"] == {"share": 0.25, "wanted": 0.25, "weight": 85, "reason": ""}
    assert found["ap"] == FULL

    together = asked("weighted")
    found = members(Zone(together).weigh(together), "u1")
    assert {row["share"] for row in found.values()} == {0.3333}
    assert members(Zone(together).weigh(together), "nobody") == {}


def test_who_only_stands_by_has_no_share():
    """A member elsewhere is near to nobody, and may still be led to."""
    here = target("here", region="cellar", address="192.0.2.9", hosted_zone="")
    both = intent("u1", target("us"), here)
    assert members(Zone(both).weigh(both), "u1")["here"] == {
        "share": 0.0,
        "wanted": 0.0,
        "weight": 0,
        "reason": "",
    }


def test_a_ramp_is_told_when_it_is_over():
    """Only who begins or ends to get traffic, and who comes or goes, is told on the way."""
    row = {"share": 0.5, "wanted": 1.0, "weight": 128, "reason": "Ramping"}
    more = {**row, "share": 0.75, "weight": 200}
    none = {**row, "share": 0.0, "weight": 0}

    assert told({"a": row}, {"a": more}) == {"a": row}
    assert told({"a": row}, {"a": FULL}) == {"a": FULL}
    assert told({"a": row}, {"a": none}) == {"a": none}
    assert told({"a": none}, {"a": row}) == {"a": row}
    assert told({"a": row}, {"a": more, "b": more}) == {"a": more, "b": more}
    assert told({}, {"a": row}) == {"a": row}
    assert rests({"a": FULL})
    assert not rests({"a": FULL, "b": {**row, "reason": "Waiting"}})


def test_a_zone_moves_while_members_come_back():
    """After a member was down and until it has its share again."""
    well, sick = asked(), asked(us=DOWN)
    zone = Zone(well)
    assert not moving(zone.weigh(well))
    zone.windows(4, sick)
    assert members(zone.weigh(sick), "u1")["us"]["weight"] == 0
    zone.windows(8, well)
    assert moving(zone.weigh(well))
    zone.windows(60, well)
    assert not moving(zone.weigh(well))
    assert members(zone.weigh(well), "u1")["us"]["share"] == 0.5
