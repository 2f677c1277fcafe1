"""Hosts and paths that are accepted (empty) or refused (part of the sentence)."""

WEB = {"service": {"name": "web", "port": {"number": 80}}}


def path(text="/", path_type="Prefix", backend=None):
    return {"path": text, "pathType": path_type, "backend": backend or WEB}


def rule(host="shop.example.com", *paths):
    return {"host": host, "http": {"paths": list(paths) or [path()]}}


def ingress(**spec):
    spec = {"ingressClassName": "federated", "rules": [rule()], **spec}
    spec = {name: value for name, value in spec.items() if value is not None}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"namespace": "shop", "name": "shop"},
        "spec": spec,
    }


HOSTS = {
    "shop.example.com": "",
    "*.example.com": "",
    "localhost": "",
    "xn--bcher-kva.example": "",
    "": "",
    "Shop.example.com": "upper-case",
    "10.0.0.1": "is an IP address",
    "::1": "is an IP address",
    "[::1]": "is an IP address",
    "a.*.example.com": "only a leading",
    "*": "only a leading",
    "*.*.example.com": "only a leading",
    "*example.com": "only a leading",
    "example.com.": "ends with a dot",
    "-a.example.com": "is not a DNS name",
    "a_b.example.com": "is not a DNS name",
    "bücher.example": "is not a DNS name",
    "a..b": "is not a DNS name",
    "shop.example.com:80": "is not a DNS name",
    "shop.example.com\n": "is not a DNS name",
    f"{'a' * 63}.com": "",
    f"{'a' * 64}.com": "is not a DNS name",
    ".".join(["a" * 63] * 3) + "." + "a" * 61: "",
    ".".join(["a" * 63] * 3) + "." + "a" * 62: "is not a DNS name",
}


PATHS = {
    ("/", "Prefix"): "",
    ("/a/b-c._~!$&()+,;=:@%20", "Exact"): "",
    ("/" + "a" * 1023, "Exact"): "",
    ("/" + "a" * 1024, "Exact"): "longer than 1024",
    ("a", "Exact"): "not absolute",
    ("", "Prefix"): "not absolute",
    ("a", "ImplementationSpecific"): "not absolute",
    ("/*", "ImplementationSpecific"): "",
    ("/a/*", "ImplementationSpecific"): "",
    ("/a*", "ImplementationSpecific"): "has a `*`",
    ("/*/a/*", "ImplementationSpecific"): "has a `*`",
    ("/*", "Prefix"): "has a `*`",
    ("/*", "Exact"): "has a `*`",
    ("/a//b", "Prefix"): "has `//`",
    ("/a/./b", "Prefix"): "segment",
    ("/a/../b", "Exact"): "segment",
    ("/a/..", "Exact"): "segment",
    ("/a/.", "Prefix"): "segment",
    ("/a/%2e%2E/b", "Prefix"): "segment",
    ("/a/...", "Prefix"): "",
    ("/.well-known/x", "Prefix"): "",
    ("/a%2fb", "Prefix"): "encoded slash",
    ("/a%2Fb", "ImplementationSpecific"): "encoded slash",
    ("/a%5cb", "Prefix"): "encoded slash",
    ("/a%00", "Prefix"): "encoded control",
    ("/a%0d%0a", "Prefix"): "encoded control",
    ("/a%7F", "Prefix"): "encoded control",
    ("/a%zz", "Prefix"): "may not stand",
    ("/a b", "Prefix"): "may not stand",
    ("/a\tb", "Prefix"): "may not stand",
    ("/a\n", "Prefix"): "may not stand",
    ('/a"b', "Prefix"): "may not stand",
    ("/a'b", "Prefix"): "may not stand",
    ("/a\\b", "Prefix"): "may not stand",
    ("/a?b", "Prefix"): "may not stand",
    ("/a#b", "Prefix"): "may not stand",
    ("/{a}", "Prefix"): "may not stand",
    ("/ü", "Prefix"): "may not stand",
}
