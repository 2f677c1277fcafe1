"""
What the API refuses in EndpointSlices and Endpoints; addresses above all.

An API server takes no loopback or link-local endpoint, so neither does this one.

Source: kubernetes ``pkg/apis/discovery/validation/validation.go`` and ``pkg/apis/core/validation``
(``ValidateEndpointIP``).
"""

import ipaddress
from collections.abc import Mapping
from typing import Any

from localcloud.kube.errors import (
    Cause,
    Causes,
    value_duplicate,
    value_invalid,
    value_required,
    value_unsupported,
)
from localcloud.kube.names import label_fault, subdomain_fault

_ADDRESS_TYPES = frozenset({"IPv4", "IPv6", "FQDN"})
_PROTOCOLS = frozenset({"TCP", "UDP", "SCTP"})
_MAX_ADDRESSES = 100
_MAX_ENDPOINTS = 1000


def endpoint_slice_causes(obj: Mapping[str, Any], old: Mapping[str, Any] | None) -> Causes:
    """Give everything that is wrong with an EndpointSlice."""
    kind = obj.get("addressType")
    if not kind:
        yield value_required("addressType")
    elif kind not in _ADDRESS_TYPES:
        yield value_unsupported("addressType", kind, _ADDRESS_TYPES)
    elif old is not None and old.get("addressType") != kind:
        yield value_invalid("addressType", kind, "field is immutable")
    endpoints = obj.get("endpoints") or ()
    if len(endpoints) > _MAX_ENDPOINTS:
        message = f"Too many: {len(endpoints)}: must have at most {_MAX_ENDPOINTS} items"
        yield Cause(field="endpoints", reason="FieldValueTooMany", message=message)
    for index, endpoint in enumerate(endpoints):
        path = f"endpoints[{index}].addresses"
        addresses = endpoint.get("addresses") or ()
        if not addresses:
            yield value_required(path, "must contain at least 1 address")
        elif len(addresses) > _MAX_ADDRESSES:
            message = f"Too many: {len(addresses)}: must have at most {_MAX_ADDRESSES} items"
            yield Cause(field=path, reason="FieldValueTooMany", message=message)
        for place, address in enumerate(addresses):
            if why := _address_fault(kind or "", address):
                yield value_invalid(f"{path}[{place}]", address, why)
    yield from _ports_causes("ports", obj.get("ports") or ())


def endpoints_causes(obj: Mapping[str, Any], _old: Mapping[str, Any] | None) -> Causes:
    """Give everything that is wrong with an Endpoints object."""
    for index, subset in enumerate(obj.get("subsets") or ()):
        for name in ("addresses", "notReadyAddresses"):
            for place, address in enumerate(subset.get(name) or ()):
                ip = address.get("ip", "")
                if why := _address_fault("", ip):
                    yield value_invalid(f"subsets[{index}].{name}[{place}].ip", ip, why)
        yield from _ports_causes(f"subsets[{index}].ports", subset.get("ports") or ())


def _ports_causes(base: str, ports: Any) -> Causes:
    names: set[str] = set()
    for index, port in enumerate(ports):
        name = port.get("name") or ""
        if name in names:
            yield value_duplicate(f"{base}[{index}].name", name)
        names.add(name)
        if name and (why := label_fault(name)):
            yield value_invalid(f"{base}[{index}].name", name, why)
        if port.get("protocol", "TCP") not in _PROTOCOLS:
            yield value_unsupported(f"{base}[{index}].protocol", port["protocol"], _PROTOCOLS)


def _address_fault(kind: str, address: str) -> str:
    if kind == "FQDN":
        return subdomain_fault(address)
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
    if kind and kind != f"IPv{ip.version}":
        return f"must be an {kind} address"
    ranges = (
        (ip.is_unspecified, "may not be unspecified (0.0.0.0 or ::)"),
        (ip.is_loopback, "may not be in the loopback range (127.0.0.0/8, ::1/128)"),
        (ip.is_link_local, "may not be in the link-local range (169.254.0.0/16, fe80::/10)"),
    )
    return next((why for inside, why in ranges if inside), "")
