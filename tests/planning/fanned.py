"""One member of the shop: what it holds, what it should hold, and what a plan makes of it."""

from fedingress.domain.change import Create, Delete, Update
from fedingress.planning import fanout
from tests.planning.shop import held, member, owner, policy, service, source

MEMBER = member("a", labels={"at": "eu"}, uid="identity-a")
OWNER = owner()


def seen(*manifests):
    """The view of a member that holds *manifests*."""
    items = [held("a", manifest) for manifest in manifests]
    return fanout.view(
        [item for item in items if item.ref.kind == "Ingress"],
        [item for item in items if item.ref.kind == "Service"],
        OWNER,
    )


def wish(of=None, *overrides, observed=None, into=MEMBER, identity="config"):
    """What *into* should hold of the shop."""
    return fanout.desired(
        of or source(),
        policy(overrides=overrides),
        into,
        observed or seen(service()),
        OWNER,
        config_identity=identity,
    )


def applied(plan, observed):
    """The member after *plan*: it refuses creates of what is there and deletes of what is not."""
    have = {item.ref: item for item in (*observed.ingresses.values(), *observed.services.values())}
    for change in plan:
        match change:
            case Create(desired=item):
                assert item.ref not in have
                have[item.ref] = held("a", item.manifest)
            case Update(observed=before, desired=item):
                assert have[item.ref] == before
                have[item.ref] = held("a", item.manifest)
            case Delete(observed=item):
                assert have.pop(item.ref) == item
    return seen(*(item.manifest for item in have.values()))


def plan(wanted, observed, in_use=()):
    """The plan for the member."""
    return fanout.plan(wanted, observed, OWNER, in_use=frozenset(in_use))


def copied(of=None, *overrides, **more):
    """The copy for the member, as JSON."""
    return wish(of, *overrides, **more).objects[0].manifest


def refs(plan_or_objects):
    """Kind and name of everything."""
    return {(item.ref.kind, item.ref.name) for item in plan_or_objects}


def manifests(view):
    """Everything in a view, as JSON."""
    return [item.manifest for item in (*view.ingresses.values(), *view.services.values())]
