"""From Kubernetes JSON to the domain: pure, and with every fault of an object at once."""

from fedingress.planning.decode.classes import (
    ClassAnswer,
    IngressClass,
    answer,
    class_name,
    ingress_class,
)
from fedingress.planning.decode.ingresses import source
from fedingress.planning.decode.members import member
from fedingress.planning.decode.policies import policy

__all__ = [
    "ClassAnswer",
    "IngressClass",
    "answer",
    "class_name",
    "ingress_class",
    "member",
    "policy",
    "source",
]
