import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from fedingress.adapters.directory import load
from fedingress.adapters.directory.documents import SIZE_LIMIT

ONE = "apiVersion: v1\nkind: A\nmetadata: {name: one}\n"
TWO = "apiVersion: v1\nkind: B\nmetadata: {name: two}\n"


def names(text, where="f.yaml"):
    return [document.manifest["metadata"]["name"] for document in load(text, where).documents]


def faults(text, where="f.yaml"):
    return [str(fault) for fault in load(text, where).faults]


def field(line):
    """What *line* gives as the field `x`."""
    (document,) = load(f"{ONE}{line}\n", "f.yaml").documents
    return document.manifest["x"]


SPLITS = {
    "nothing": ("", []),
    "comments": ("# one\n\n  # two\n---\n# three\n", []),
    "one": (ONE, ["one"]),
    "two": (f"{ONE}---\n{TWO}", ["one", "two"]),
    "marker first": (f"---\n{ONE}---\n{TWO}---\n", ["one", "two"]),
    "ends": (f"{ONE}...\n---\n{TWO}...\n", ["one", "two"]),
    "end and comment": (f"{ONE}...\n# only a remark\n", ["one"]),
    "carriage returns": (f"{ONE}---\n{TWO}".replace("\n", "\r\n"), ["one", "two"]),
    "byte order mark": (f"\ufeff{ONE}", ["one"]),
    "directive": (f"%YAML 1.1\n---\n{ONE}...\n%YAML 1.1\n---\n{TWO}", ["one", "two"]),
    "content beside the marker": (
        '--- {"apiVersion": "v1", "kind": "A", "metadata": {"name": "one"}}\n---\n' + TWO,
        ["one", "two"],
    ),
    "marker within a text": (f"{ONE}x: |\n  ---\n  a\n---\n{TWO}", ["one", "two"]),
    "null": (f"null\n---\n{TWO}", ["two"]),
}


@pytest.mark.parametrize("name", SPLITS)
def test_documents_of_a_file(name):
    """Every document is read, empty ones are none."""
    text, expected = SPLITS[name]
    assert names(text) == expected
    assert faults(text) == []


def test_documents_are_numbered_where_there_are_several():
    """One alone is named by its file."""
    assert [each.where for each in load(ONE, "f.yaml").documents] == ["f.yaml"]
    found = load(f"---\n{ONE}---\n# nothing\n---\n{TWO}", "f.yaml").documents
    assert [each.where for each in found] == ["f.yaml#1", "f.yaml#2"]


BROKEN = {
    "open brace": ("x: {", "f.yaml:6:1: while parsing a flow node"),
    "tab": ("x:\n\ty: 1", "f.yaml:6:1: "),
    "control character": ("x: \x01", "f.yaml:"),
    "key twice": ("x: 1\nx: 2", "f.yaml:6:1: the key 'x' stands twice"),
    "key twice, deep": ("a:\n- {b: 1, b: 2}", "f.yaml:6:10: the key 'b' stands twice"),
    "key no text": ("1: x", "f.yaml:5:1: a key is not text"),
    "key a truth": ("on: x", "f.yaml:5:1: a key is not text"),
    "key an object": ("? {a: b}\n: x", "f.yaml:5:3: a key is not text"),
    "code": ("x: !!python/object/apply:os.system [ls]", "f.yaml:5:4: the tag "),
    "tag of others": ("x: !mine 1", "f.yaml:5:4: the tag '!mine' is refused"),
    "binary": ("x: !!binary aGFsbG8=", "f.yaml:5:4: the tag "),
    "set": ("x: !!set {a}", "f.yaml:5:4: the tag "),
    "unknown alias": ("x: *a", "f.yaml:5:4: found undefined alias"),
    "infinite": ("x: .inf", "f.yaml:5:4: '.inf' is not a number that JSON has"),
    "no number": ("x: .NaN", "f.yaml:5:4: '.NaN' is not a number that JSON has"),
    "too large": ("x: " + "1" * 5000, "f.yaml:5:4: '111"),
    "no truth": ("x: !!bool maybe", "f.yaml:5:4: the tag "),
    "no whole number": ("x: !!int one", "f.yaml:5:4: 'one' is not a number"),
    "no fraction": ("x: !!float one", "f.yaml:5:4: 'one' is not a number"),
    "deep": ("x: " + "[" * 100_000, "f.yaml:5:67: nested deeper than 64"),
    "itself": ("x: &a [*a]", "f.yaml:5:4: "),
    "merge of a text": ("x: {<<: 1}", "f.yaml:5:9: `<<` merges"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_bad_document_hides_no_other(name):
    """Its fault has line and column of the file; the documents around it are read."""
    bad, expected = BROKEN[name]
    text = f"{ONE}---\n{bad}\n---\n{TWO}"
    assert names(text) == ["one", "two"]
    (fault,) = faults(text)
    assert fault.startswith(expected), fault
    assert fault.isprintable()
    assert len(fault) < 400


def test_an_alias_bomb_is_refused():
    """Nine lines that would come to a billion texts."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    for level in range(1, 9):
        lines.append(f"a{level}: &a{level} [" + ", ".join([f"*a{level - 1}"] * 10) + "]")
    (fault,) = faults(ONE + "\n".join(lines))
    assert "its aliases expand to too much" in fault


def test_aliases_and_merges_within_reason_are_read():
    """What people do by hand works; a key of its own wins over a merged one."""
    text = f"{ONE}base: &b {{k: 1, l: 2}}\nx:\n  <<: [{{m: 3, k: 9}}, *b]\n  l: 4\ny: *b\n"
    (document,) = load(text, "f.yaml").documents
    assert document.manifest["x"] == {"k": 9, "l": 4, "m": 3}
    assert document.manifest["y"] == {"k": 1, "l": 2}


VALUES = {
    "x: 2026-01-01T00:00:00Z": "2026-01-01T00:00:00Z",
    "x: 2026-01-01": "2026-01-01",
    "x: 22:22": "22:22",
    "x: yes": True,
    "x: Off": False,
    'x: "yes"': "yes",
    "x: y": "y",
    "x: 80": 80,
    "x: -80": -80,
    "x: +8": 8,
    "x: 0": 0,
    "x: 010": 8,
    "x: 0o10": 8,
    "x: 08": "08",
    "x: 0x1F": 31,
    "x: 0b11": 3,
    "x: 1_000": "1_000",
    "x: 1.5": 1.5,
    "x: 1e3": 1000.0,
    "x: .5": 0.5,
    "x: 1.2.3": "1.2.3",
    "x: ~": None,
    "x:": None,
    "x: <<": "<<",
    "x: =": "=",
    "x: !!str 80": "80",
    "x: 'true\n\n  '": "true\n",
}


@pytest.mark.parametrize("line", VALUES, ids=ascii)
def test_values_are_those_of_kubernetes(line):
    """Dates and times of day are text, numbers and truths as YAML 1.1 has them."""
    found = field(line)
    assert found == VALUES[line]
    assert type(found) is type(VALUES[line])


SHAPES = {
    "a list": ("[1]", "f.yaml: a list is not an object"),
    "a text": ("hello", "f.yaml: 'hello' is not an object"),
    "no kind": ("apiVersion: v1\nmetadata: {name: a}", "f.yaml: kind: is required"),
    "kind no text": ("apiVersion: v1\nkind: 1", "f.yaml: kind: is required"),
    "no version": ("kind: A\nmetadata: {name: a}", "f.yaml: apiVersion: is required"),
    "no metadata": ("apiVersion: v1\nkind: A", "f.yaml: metadata.name: is required"),
    "metadata a list": ("apiVersion: v1\nkind: A\nmetadata: []", "f.yaml: metadata.name: is"),
    "generated name": (
        "apiVersion: v1\nkind: A\nmetadata: {generateName: a-}",
        "f.yaml: metadata.name: is required",
    ),
    "within a list": (
        "apiVersion: v1\nkind: List\nitems: [{kind: A}]",
        "f.yaml items[0]: apiVersion: is required",
    ),
}


@pytest.mark.parametrize("name", SHAPES)
def test_what_is_no_object_is_told(name):
    """apiVersion, kind and a name are needed."""
    text, expected = SHAPES[name]
    (fault,) = faults(text)
    assert fault.startswith(expected), fault


JSON_BROKEN = {
    "comma": ('{\n  "a": 1,\n}', "f.json:3:1: "),
    "key twice": ('{"a": 1, "a": 2}', "f.json:1:1: the key 'a' stands twice"),
    "no number": ('{"a": NaN}', "f.json:1:1: NaN is not a number that JSON has"),
    "deep": ("[" * 100_000, "f.json:1:1: is not JSON that can be read"),
    "more": ("{}{}", "f.json:1:3: Extra data"),
    "nothing": ("", "f.json:1:1: "),
}


@pytest.mark.parametrize("name", JSON_BROKEN)
def test_json_is_read_as_json(name):
    """With the same strictness."""
    text, expected = JSON_BROKEN[name]
    (fault,) = faults(text, "f.json")
    assert fault.startswith(expected), fault


def test_large_texts_are_refused():
    """By size, before they are parsed."""
    (fault,) = faults("#" * (SIZE_LIMIT + 1))
    assert fault == "f.yaml: is larger than 4 MiB"


TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn"]))
OBJECTS = st.dictionaries(
    TEXTS,
    st.recursive(
        st.none() | st.booleans() | st.integers() | TEXTS,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
        max_leaves=6,
    ),
    max_size=3,
)


@given(st.lists(OBJECTS, min_size=1, max_size=3))
def test_what_others_write_is_read_back(bodies):
    """
    Files of PyYAML and of json.dumps give the values that were written.

    Texts are quoted, because PyYAML leaves `1e3` plain, which is a number to Kubernetes.
    """
    wanted = [
        {**body, "apiVersion": "v1", "kind": "A", "metadata": {"name": "a"}} for body in bodies
    ]
    text = yaml.safe_dump_all(wanted, default_style='"')
    assert [document.manifest for document in load(text, "f.yaml").documents] == wanted
    (document,) = load(json.dumps(wanted[0]), "f.json").documents
    assert document.manifest == wanted[0]


@given(
    st.text(st.sampled_from("-.\n :{}[]&*!%#'\"|<ab1\t\x00\u2028\x85")),
    st.sampled_from(["f.yaml", "f.json"]),
)
def test_any_text_gives_documents_or_faults(text, where):
    """Nothing else ever comes out, and faults are printable."""
    loaded = load(text, where)
    assert all(str(fault).isprintable() for fault in loaded.faults)
