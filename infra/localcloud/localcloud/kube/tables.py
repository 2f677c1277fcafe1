"""
Tables: what ``kubectl get`` prints, for built-in kinds and by the printer columns of a CRD.

Source: Kubernetes API concepts, "Receiving resources as Tables"; JSON paths as in
"Additional printer columns".
"""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from localcloud.kube import views
from localcloud.kube.columns import BUILTIN, NAME, PLAIN, UNKNOWN, Column, age, at
from localcloud.kube.resources import Resource
from localcloud.kube.store import Entry

_PATH_STEP = re.compile(r"\.?([^.\[\]\\]+(?:\\.[^.\[\]\\]+)*)|\[(\d+|\*|'[^']*'|\?\([^)]*\))\]")
_FILTER = re.compile(r"\?\(@\.([\w.]+)==[\"']([^\"']*)[\"']\)")


def columns(resource: Resource) -> tuple[Column, ...]:
    """Give the columns of a resource."""
    if resource.definition is None:
        found = BUILTIN.get(resource.kind)
        if found is None:
            return PLAIN
        return found if resource.kind == "Event" else (NAME, *found)
    printed = resource.definition.get("additionalPrinterColumns")
    if not printed:
        return PLAIN
    return (NAME, *(_printer_column(entry) for entry in printed))


def _printer_column(entry: Mapping[str, Any]) -> Column:
    steps = _steps(entry["jsonPath"])
    is_date = entry.get("type") == "date"

    def cell(obj: Mapping[str, Any]) -> Any:
        found = _follow([obj], steps)
        if is_date:
            return age(found[0]) if found else UNKNOWN
        if not found:
            return None
        return found[0] if len(found) == 1 else ",".join(map(str, found))

    return Column(
        name=entry["name"],
        cell=cell,
        kind=entry.get("type", "string"),
        wide=bool(entry.get("priority")),
        description=entry.get("description", ""),
    )


def _steps(path: str) -> list[str]:
    return [
        plain.replace("\\.", ".") if plain else bracket
        for plain, bracket in _PATH_STEP.findall(path)
    ]


def _follow(values: list[Any], steps: Iterable[str]) -> list[Any]:
    for step in steps:
        values = [found for value in values for found in _step(value, step)]
    return values


def _step(value: Any, step: str) -> list[Any]:
    test = _FILTER.fullmatch(step)
    if test is not None and isinstance(value, list):
        return [x for x in value if str(at(*test[1].split("."))(x)) == test[2]]
    if step == "*":
        return list(value.values()) if isinstance(value, Mapping) else list(value or ())
    if step.isdigit() and isinstance(value, list):
        return value[int(step) : int(step) + 1]
    name = step.strip("'")
    if isinstance(value, Mapping) and value.get(name) is not None:
        return [value[name]]
    return []


def table(
    resource: Resource,
    entries: Iterable[Entry],
    metadata: Mapping[str, object],
    *,
    include: str = "Metadata",
) -> dict[str, Any]:
    """
    Give the ``Table`` of some objects.

    Args:
        resource: What they are.
        entries: The objects.
        metadata: Of the list.
        include: What each row carries: ``None``, ``Metadata`` or the whole ``Object``.
    """
    shown = columns(resource)
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": dict(metadata),
        "columnDefinitions": [column.json() for column in shown],
        "rows": [
            {
                "cells": [column.cell(entry.obj) for column in shown],
                "object": _row_object(resource, entry, include),
            }
            for entry in entries
        ],
    }


def _row_object(resource: Resource, entry: Entry, include: str) -> Any:
    if include == "None":
        return None
    if include == "Object":
        return json.loads(views.raw(resource, entry))
    return {
        "kind": "PartialObjectMetadata",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": entry.obj["metadata"],
    }
