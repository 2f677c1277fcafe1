"""
The permissions that Google asks for each method that our adapters call.

Source: the pages of the methods in the references of Compute Engine ("IAM Permissions") and Cloud
DNS ("Roles and permissions"); those on what a resource refers to stand with its fields there.
"""

_PLAIN = {
    "insert": "create",
    "delete": "delete",
    "get": "get",
    "list": "list",
    "aggregatedList": "list",
    "update": "update",
    "patch": "update",
    "getHealth": "get",
}
_REFERS = {
    "compute.backendServices": (
        "compute.healthChecks.useReadOnly",
        "compute.instanceGroups.use",
        "compute.networkEndpointGroups.use",
    ),
    "compute.firewalls": ("compute.networks.updatePolicy",),
    "compute.globalForwardingRules": (
        "compute.globalAddresses.use",
        "compute.targetHttpProxies.use",
        "compute.targetHttpsProxies.use",
    ),
    "compute.targetHttpProxies": ("compute.urlMaps.use",),
    "compute.targetHttpsProxies": (
        "certificatemanager.certmaps.use",
        "compute.sslCertificates.get",
        "compute.sslPolicies.use",
        "compute.urlMaps.use",
    ),
    "compute.urlMaps": ("compute.backendServices.use",),
}
_READS = ("get", "list", "aggregatedList", "getHealth", "delete")
_DNS = {
    "dns.changes.create": (
        "dns.changes.create",
        "dns.resourceRecordSets.create",
        "dns.resourceRecordSets.delete",
        "dns.resourceRecordSets.update",
        "compute.healthChecks.useReadOnly",
    ),
}


def needed(method):
    """The permissions for *method*, for instance `compute.urlMaps.insert`; all that it may need."""
    collection, _, verb = method.rpartition(".")
    if collection.startswith("dns."):
        return {*_DNS.get(method, (method,))}
    if verb == "delete" and collection == "compute.firewalls":
        return {f"{collection}.delete", *_REFERS[collection]}
    found = {f"{collection}.{_PLAIN.get(verb, verb)}"}
    if verb == "setSecurityPolicy":
        return {*found, "compute.securityPolicies.use"}
    if verb == "setNamedPorts":
        return {f"{collection}.update"}
    if verb == "patch":
        found.add(f"{collection}.get")
    return found if verb in _READS else found | {*_REFERS.get(collection, ())}
