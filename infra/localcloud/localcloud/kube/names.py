"""
Names and metadata: what any object may be called, labelled and annotated.

Source: k8s.io/apimachinery ``pkg/util/validation`` and ``pkg/api/validation/objectmeta.go``.
"""

import re
from collections.abc import Mapping
from typing import Any

from localcloud.kube.errors import (
    Causes,
    too_long,
    value_forbidden,
    value_invalid,
    value_required,
)

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_LABEL_1035 = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_QUALIFIED = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")
_PORT_NAME = re.compile(r"(?=.*[a-z])[a-z0-9]+(-[a-z0-9]+)*")

_ANNOTATIONS_LIMIT = 256 * 1024

# Kinds whose names must be single labels; all others are subdomains.
_LABEL_KINDS = frozenset({"Namespace"})
_LABEL_1035_KINDS = frozenset({"Service"})

_SUBDOMAIN_RULE = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or "
    "'.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used "
    "for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
_LABEL_RULE = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and "
    "must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex "
    "used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
_LABEL_1035_RULE = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an "
    "alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or "
    "'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')"
)
_QUALIFIED_RULE = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end "
    "with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for "
    "validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)
_VALUE_RULE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or "
    "'.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  "
    "or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)


def subdomain_fault(value: str) -> str:
    """Say why *value* is no lowercase DNS subdomain; empty when it is one."""
    if len(value) > 253:  # noqa: PLR2004 - RFC 1035
        return "must be no more than 253 characters"
    return "" if _SUBDOMAIN.fullmatch(value) else _SUBDOMAIN_RULE


def label_fault(value: str) -> str:
    """Say why *value* is no lowercase DNS label; empty when it is one."""
    if len(value) > 63:  # noqa: PLR2004 - RFC 1035
        return "must be no more than 63 characters"
    return "" if _LABEL.fullmatch(value) else _LABEL_RULE


def label_1035_fault(value: str) -> str:
    """Say why *value* is no DNS label that starts with a letter; empty when it is one."""
    if len(value) > 63:  # noqa: PLR2004 - RFC 1035
        return "must be no more than 63 characters"
    return "" if _LABEL_1035.fullmatch(value) else _LABEL_1035_RULE


def port_name_fault(value: str) -> str:
    """Say why *value* is no IANA service name (ports are called so); empty when it is one."""
    if len(value) > 15:  # noqa: PLR2004 - RFC 6335
        return "must be no more than 15 characters"
    if not _PORT_NAME.fullmatch(value):
        return (
            "must contain at least one letter (a-z), only lowercase letters, digits and single "
            "hyphens, and must not begin or end with a hyphen"
        )
    return ""


def qualified_fault(value: str) -> str:
    """Say why *value* is no qualified name ``[prefix/]name``; empty when it is one."""
    prefix, slash, name = value.rpartition("/")
    if slash and (not prefix or subdomain_fault(prefix)):
        return f"prefix part {_SUBDOMAIN_RULE}"
    if len(name) > 63:  # noqa: PLR2004 - k8s.io/apimachinery qualifiedNameMaxLength
        return "name part must be no more than 63 characters"
    return "" if _QUALIFIED.fullmatch(name) else _QUALIFIED_RULE


def name_fault(kind: str, name: str) -> str:
    """Say why an object of *kind* cannot be called *name*; empty when it can."""
    if kind in _LABEL_KINDS:
        return label_fault(name)
    if kind in _LABEL_1035_KINDS:
        return label_1035_fault(name)
    return subdomain_fault(name)


def metadata_causes(kind: str, metadata: Mapping[str, Any]) -> Causes:
    """Give everything that is wrong with an object's own metadata."""
    name = metadata.get("name") or ""
    if not name:
        yield value_required("metadata.name", "name or generateName is required")
    elif why := name_fault(kind, name):
        yield value_invalid("metadata.name", name, why)
    yield from labels_causes("metadata.labels", metadata.get("labels") or {})
    yield from _annotation_causes(metadata.get("annotations") or {})
    for index, finalizer in enumerate(metadata.get("finalizers") or ()):
        if why := qualified_fault(finalizer):
            yield value_invalid(f"metadata.finalizers[{index}]", finalizer, why)
    yield from _owner_causes(metadata.get("ownerReferences") or ())


def labels_causes(path: str, labels: Mapping[str, Any]) -> Causes:
    """Give everything that is wrong with a map of labels."""
    for key, value in labels.items():
        if why := qualified_fault(key):
            yield value_invalid(path, key, why)
        if len(value) > 63:  # noqa: PLR2004 - k8s.io/apimachinery LabelValueMaxLength
            yield value_invalid(path, value, "must be no more than 63 characters")
        elif value and not _QUALIFIED.fullmatch(value):
            yield value_invalid(path, value, _VALUE_RULE)


def _annotation_causes(annotations: Mapping[str, Any]) -> Causes:
    size = 0
    for key, value in annotations.items():
        size += len(key) + len(value)
        if why := qualified_fault(key.lower()):
            yield value_invalid("metadata.annotations", key, why)
    if size > _ANNOTATIONS_LIMIT:
        yield too_long("metadata.annotations", _ANNOTATIONS_LIMIT)


def _owner_causes(owners: Any) -> Causes:
    controllers = 0
    for index, owner in enumerate(owners):
        path = f"metadata.ownerReferences[{index}]"
        for key in ("apiVersion", "kind", "name", "uid"):
            if not owner.get(key):
                yield value_invalid(f"{path}.{key}", owner.get(key, ""), "must not be empty")
        controllers += owner.get("controller") is True
    if controllers > 1:
        yield value_invalid(
            "metadata.ownerReferences",
            list(owners),
            "Only one reference can have Controller set to true",
        )


def immutable_causes(new: Mapping[str, Any], old: Mapping[str, Any]) -> Causes:
    """Give what an update of metadata may not do; *new* and *old* are whole objects."""
    before = set(old["metadata"].get("finalizers") or ())
    added = [f for f in new["metadata"].get("finalizers") or () if f not in before]
    if old["metadata"].get("deletionTimestamp") and added:
        yield value_forbidden(
            "metadata.finalizers",
            "no new finalizers can be added if the object is being deleted, found new finalizers "
            f"{added}",
        )
