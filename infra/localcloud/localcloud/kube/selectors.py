"""
Label and field selectors of lists, watches and delete-collection.

Source: Kubernetes API reference, "Labels and Selectors" and "Field Selectors".
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from localcloud.kube.errors import bad_request
from localcloud.kube.resources import Resource

_TERM = re.compile(
    r"""\s*(?:
        (?P<absent>!)\s*(?P<nkey>[^\s=!,()]+)
      | (?P<key>[^\s=!,()<>]+)
        (?: \s*(?P<op>==|=|!=|<|>)\s*(?P<value>[^\s,()]*)
          | \s+(?P<set>in|notin)\s*\((?P<values>[^()]*)\) )?
    )\s*""",
    re.VERBOSE,
)

_INVOLVED = ("apiVersion", "fieldPath", "kind", "name", "namespace", "resourceVersion", "uid")
_EVENT_FIELDS = frozenset(
    {
        *(f"involvedObject.{name}" for name in _INVOLVED),
        *("reason", "reportingComponent", "source", "type"),
    }
)
_FIELDS = {
    "Event": _EVENT_FIELDS,
    "Namespace": frozenset({"status.phase"}),
    "Node": frozenset({"spec.unschedulable"}),
    "Pod": frozenset({"spec.nodeName", "spec.restartPolicy", "status.phase", "status.podIP"}),
    "Secret": frozenset({"type"}),
    "Service": frozenset({"spec.clusterIP", "spec.type"}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """
    One term: *key* has one of *values* (None: is present), or with *negated* has not.

    ``above`` and ``below`` are the integer comparisons of label selectors.
    """

    key: str
    values: frozenset[str] | None = None
    negated: bool = False
    above: int | None = None
    below: int | None = None

    def holds(self, value: str | None) -> bool:
        """Say whether a label or field with this *value* (None: absent) satisfies the term."""
        if self.above is not None or self.below is not None:
            return self._compares(value)
        hit = value is not None if self.values is None else value in self.values
        return hit != self.negated

    def _compares(self, value: str | None) -> bool:
        if value is None or not re.fullmatch(r"[-+]?\d+", value):
            return False
        number = int(value)
        return (self.above is None or number > self.above) and (
            self.below is None or number < self.below
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Selector:
    """Which objects a request means: all terms must hold."""

    labels: tuple[Requirement, ...] = ()
    fields: tuple[Requirement, ...] = ()

    def matches(self, obj: Mapping[str, Any]) -> bool:
        """Say whether *obj* is meant."""
        if self.labels:
            labels = obj["metadata"].get("labels") or {}
            if not all(term.holds(labels.get(term.key)) for term in self.labels):
                return False
        return all(term.holds(_field(obj, term.key)) for term in self.fields)

    def everything(self) -> bool:
        """Say whether all objects match."""
        return not self.labels and not self.fields


def parse(resource: Resource, label_selector: str, field_selector: str) -> Selector:
    """
    Read the two query parameters.

    Raises:
        ApiError: 400, a selector cannot be read or names a field that *resource* does not index.
    """
    # events.k8s.io calls the involved object otherwise, and indexes it all the same.
    fields = _terms(field_selector.replace("regarding.", "involvedObject."), "fieldSelector")
    allowed = _FIELDS.get(resource.kind, frozenset()) if resource.definition is None else ()
    for term in fields:
        if term.key not in ("metadata.name", "metadata.namespace") and not (
            term.key in allowed or term.key in _selectable(resource)
        ):
            raise bad_request(
                f'Unable to find "{resource.api_version}, Resource={resource.plural}" that match '
                f"label selector {label_selector!r}, field selector {field_selector!r}: "
                f"field label not supported: {term.key}"
            )
    return Selector(labels=_terms(label_selector, "labelSelector"), fields=fields)


def _selectable(resource: Resource) -> frozenset[str]:
    entries = (resource.definition or {}).get("selectableFields") or ()
    return frozenset(entry["jsonPath"].removeprefix(".") for entry in entries)


def _terms(text: str, parameter: str) -> tuple[Requirement, ...]:
    if not text.strip():
        return ()
    terms: list[Requirement] = []
    position = 0
    while True:
        match = _TERM.match(text, position)
        if match is None or (match.end() < len(text) and text[match.end()] != ","):
            raise bad_request(f"unable to parse requirement: invalid {parameter}: {text!r}")
        terms.append(_requirement(match.groupdict()))
        if match.end() == len(text):
            return tuple(terms)
        position = match.end() + 1


def _requirement(words: Mapping[str, str | None]) -> Requirement:
    if words["absent"]:
        return Requirement(key=words["nkey"] or "", negated=True)
    key = words["key"] or ""
    if words["set"]:
        values = frozenset(value.strip() for value in (words["values"] or "").split(","))
        return Requirement(key=key, values=values, negated=words["set"] == "notin")
    if words["op"] is None:
        return Requirement(key=key)
    value = words["value"] or ""
    if words["op"] in "<>":
        if not re.fullmatch(r"-?\d+", value):
            raise bad_request(f"for {words['op']!r} the value must be an integer: {value!r}")
        side = {"above" if words["op"] == ">" else "below": int(value)}
        return Requirement(key=key, **side)  # type: ignore[arg-type]
    return Requirement(key=key, values=frozenset({value}), negated=words["op"] == "!=")


def _field(obj: Mapping[str, Any], path: str) -> str:
    value: Any = obj
    names = ("source", "component") if path == "source" else path.split(".")
    for name in names:
        value = value.get(name) if isinstance(value, Mapping) else None
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def label_selector_matches(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Say whether *labels* satisfy a ``LabelSelector`` object; an empty one matches all."""
    terms = [
        Requirement(key=key, values=frozenset({value}))
        for key, value in (selector.get("matchLabels") or {}).items()
    ]
    for entry in selector.get("matchExpressions") or ():
        has_values = entry["operator"] in ("In", "NotIn")
        terms.append(
            Requirement(
                key=entry["key"],
                values=frozenset(entry.get("values") or ()) if has_values else None,
                negated=entry["operator"] in ("NotIn", "DoesNotExist"),
            )
        )
    return all(term.holds(labels.get(term.key)) for term in terms)
