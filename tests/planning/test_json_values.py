"""Copies of JSON share nothing that can change."""

from fedingress.planning.json_values import copied


def test_a_copy_is_equal_and_shares_no_object():
    """Whatever is changed in it, the original stands."""
    given = {"a": [1, {"b": None}], "c": "text"}
    made = copied(given)
    assert made == given
    made["a"][1]["b"] = 2
    made["a"].append(3)
    assert given == {"a": [1, {"b": None}], "c": "text"}
