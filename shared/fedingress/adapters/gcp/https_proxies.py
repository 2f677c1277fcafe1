"""
The setters of target HTTPS proxies: GCE takes their fields one by one.

Called by `load_balancers`; pure.

Source: compute v1 targetHttpsProxies: setCertificateMap, setSslCertificates, setSslPolicy,
setUrlMap.
"""

from collections.abc import Mapping
from typing import Any

from fedingress.adapters.gcp.canonical import link
from fedingress.ports.load_balancers import HTTPS_PROXY_FIELDS


def setting(fields: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """
    The client's method for the first of *fields*, and its request without project and name.

    A value of None, or an empty one, takes the field away.
    """
    name = next(each for each in HTTPS_PROXY_FIELDS if each in fields)
    value = fields[name]
    match name:
        case "sslCertificates":
            body = {"ssl_certificates": [link(path) for path in value or ()]}
            resource = "target_https_proxies_set_ssl_certificates_request_resource"
            return "set_ssl_certificates_unary", {resource: body}
        case "certificateMap":
            resource = "target_https_proxies_set_certificate_map_request_resource"
            return "set_certificate_map_unary", {
                resource: {"certificate_map": value} if value else {}
            }
        case "sslPolicy":
            reference = {"ssl_policy": link(value)} if value else {}
            return "set_ssl_policy_unary", {"ssl_policy_reference_resource": reference}
    return "set_url_map_unary", {"url_map_reference_resource": {"url_map": link(value)}}
