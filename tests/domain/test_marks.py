"""A mark as labels: the same mark comes back, or labels cannot say it."""

import dataclasses

import pytest

from fedingress.domain.graph import Mark

MARK = Mark(owner="prod-1", uid="0b0c7f0e-1d4e-4c0e-9d3c-000000000001", source="shop/web")
UNFIT = {
    "an owner with a capital": {"owner": "Prod"},
    "a name with a dot": {"source": "shop/web.v2"},
    "a name that is too long": {"source": f"shop/{'a' * 64}"},
    "no namespace": {"source": "default"},
    "a policy, which is of backend services": {"security_policy": "edge"},
}


def test_labels_say_the_whole_mark():
    """Beside labels of others; not when one of them is missing."""
    labels = MARK.labels()

    assert Mark.of_labels({**labels, "team": "shop"}) == MARK
    assert all(
        Mark.of_labels({k: v for k, v in labels.items() if k != gone}) is None for gone in labels
    )
    assert len(labels) == 4


@pytest.mark.parametrize("case", UNFIT)
def test_what_labels_cannot_say_has_none(case):
    """GCE would refuse the value, or another mark would come back."""
    assert dataclasses.replace(MARK, **UNFIT[case]).labels() == {}
