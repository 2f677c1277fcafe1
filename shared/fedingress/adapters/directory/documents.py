"""
From the text of a file to Kubernetes objects, with the place of everything that is wrong.

Called by the directory of sources and by the command line, before anything is applied. One bad
document does not hide the others of its file.

Source: YAML 1.1 section 9 (document markers at the start of a line end every scalar, so that
splitting at them is sound); kubectl's reading of lists.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from fedingress.adapters.directory.strict_yaml import SyntaxFault, parse
from fedingress.domain.ingress import Fault, Manifest
from fedingress.planning.decode.words import quoted

SIZE_LIMIT: Final = 4 * 1024 * 1024
"""Bytes of one file; an API server takes 1.5 MiB for one object."""

_MARKER: Final = re.compile(r"^(?:---|\.\.\.)(?=[ \t\r\n]|\Z)", re.MULTILINE)
_NOTHING: Final = re.compile(r"(?:[ \t\r]*(?:#[^\n]*)?(?:\n|\Z))*")
_DIRECTIVES: Final = re.compile(r"(?:[ \t\r]*(?:#[^\n]*)?\n|%[^\n]*\n)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One object. *where*: the file, with `#number` when it holds several documents."""

    where: str
    manifest: Manifest


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """What a file holds; *faults* tell of documents that are missing from *documents*."""

    documents: tuple[Document, ...]
    faults: tuple[Fault, ...] = ()


def load(text: str, where: str) -> Loaded:
    """
    Read every document of *text*, JSON if *where* ends with `.json`, else YAML.

    Returns:
        Objects with `apiVersion`, `kind` and `metadata.name`; lists (`kind: List`) as their
        items. A fault for each document that does not parse (`file:line:column`), is no such
        object, has a key twice, or expands without bound.
    """
    if len(text.encode("utf-8", "surrogatepass")) > SIZE_LIMIT:
        reason = f"is larger than {SIZE_LIMIT // 1024 // 1024} MiB"
        return Loaded(documents=(), faults=(Fault(where=where, field="", reason=reason),))
    values: list[Any] = []
    faults: list[Fault] = []
    read = _json(text) if where.endswith(".json") else _yaml(text)
    for each in read:
        if isinstance(each, SyntaxFault):
            place = f"{where}:{each.line}:{each.column}"
            faults.append(Fault(where=place, field="", reason=each.reason))
            values.append(None)
        else:
            values.append(each)
    documents: list[Document] = []
    for number, value in enumerate(values, start=1):
        place = where if len(values) == 1 else f"{where}#{number}"
        if value is not None:
            documents += _objects(value, place, faults)
    return Loaded(documents=tuple(documents), faults=tuple(faults))


def _json(text: str) -> Iterator[Any]:
    def pairs(found: Sequence[tuple[str, Any]]) -> dict[str, Any]:
        value: dict[str, Any] = {}
        for name, held in found:
            if name in value:
                raise SyntaxFault(f"the key {quoted(name)} stands twice")
            value[name] = held
        return value

    def constant(name: str) -> Any:
        raise SyntaxFault(f"{name} is not a number that JSON has")

    try:
        yield json.loads(text, object_pairs_hook=pairs, parse_constant=constant)
    except SyntaxFault as fault:
        yield fault
    except json.JSONDecodeError as error:
        yield SyntaxFault(error.msg, error.lineno, error.colno)
    except (RecursionError, ValueError) as error:
        yield SyntaxFault(f"is not JSON that can be read: {str(error)[:80]}")


def _yaml(text: str) -> Iterator[Any]:
    for start, chunk in _chunks(text):
        try:
            value = parse(chunk)
        except SyntaxFault as fault:
            fault.line += text.count("\n", 0, start)
            yield fault
            continue
        if value is not None:
            yield value


def _chunks(text: str) -> Iterator[tuple[int, str]]:
    """The text of each document and where it starts; directives stay with what they precede."""
    text_start = 1 if text.startswith("\ufeff") else 0
    cuts = [text_start, *(found.start() for found in _MARKER.finditer(text)), len(text)]
    start = text_start
    for here, following in pairwise(cuts):
        if text.startswith("...", here):
            start = here + 3
        if here < following and _DIRECTIVES.fullmatch(text, start, following):
            if "%" not in text[start:following]:
                start = following
            continue
        chunk = text[start:following]
        if not _NOTHING.fullmatch(chunk):
            yield start, chunk
        start = following


def _objects(value: Any, where: str, faults: list[Fault]) -> Iterator[Document]:
    if not isinstance(value, Mapping):
        faults.append(Fault(where=where, field="", reason=f"{quoted(value)} is not an object"))
        return
    missing = [name for name in ("apiVersion", "kind") if not _text(value.get(name))]
    faults += [Fault(where=where, field=name, reason="is required: text") for name in missing]
    if missing:
        return
    if str(value["kind"]).endswith("List") and isinstance(value.get("items"), list):
        for index, item in enumerate(value["items"]):
            yield from _objects(item, f"{where} items[{index}]", faults)
        return
    meta = value.get("metadata")
    if not isinstance(meta, Mapping) or not _text(meta.get("name")):
        faults.append(Fault(where=where, field="metadata.name", reason="is required: text"))
        return
    yield Document(where=where, manifest=value)


def _text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)
