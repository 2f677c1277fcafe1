"""Ready endpoints of an Ingress in one member."""

import pytest

from fedingress.planning.readiness import counts, ready


def listed(service, *conditions):
    """An EndpointSlice with one endpoint for each of *conditions*."""
    return {
        "metadata": {"labels": {"kubernetes.io/service-name": service}},
        "endpoints": [{"conditions": each} for each in conditions],
    }


def many(service, ready_, wanted):
    return listed(service, *({"ready": number < ready_} for number in range(wanted)))


def test_endpoints_count_unless_they_are_on_their_way_out():
    """Absent and null conditions count as ready, as the API says."""
    found = listed("web", {}, {"ready": True}, {"ready": False}, {"ready": True}, None)
    found["endpoints"][3]["conditions"]["terminating"] = True
    assert counts(found) == (3, 4)
    assert counts({"endpoints": None}) == (0, 0)


@pytest.mark.parametrize(
    ("slices", "services", "expected"),
    [
        ([many("web", 2, 2)], {"web"}, (2, 2)),
        ([many("web", 1, 2), many("web", 2, 2)], {"web"}, (3, 4)),
        ([many("web", 2, 2), many("api", 1, 2)], {"web", "api"}, (2, 4)),
        ([many("web", 2, 2), many("api", 0, 2)], {"web", "api"}, (0, 4)),
        ([many("web", 2, 2)], {"web", "api"}, (0, 2)),
        ([many("web", 50, 50), many("api", 1, 100)], {"web", "api"}, (2, 150)),
        ([many("web", 1, 1), many("api", 1, 1000)], {"web", "api"}, (1, 1001)),
        ([many("other", 2, 2), {"metadata": {}}], {"web"}, (0, 0)),
        ([], set(), (0, 0)),
    ],
)
def test_an_ingress_is_as_well_as_the_worst_of_its_services(slices, services, expected):
    """A part of all endpoints, never nothing while each Service has one."""
    assert ready(slices, services) == expected
