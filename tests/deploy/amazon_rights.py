"""The rights of IAM that our adapters of AWS need, read from the calls in their sources."""

import re
from pathlib import Path
from typing import Final

import fedingress.adapters.aws

FOLDER: Final = Path(fedingress.adapters.aws.__file__).parent
POLICIES: Final = {
    "ZonesPolicy": {"route53.py": "route53", "health_checks.py": "route53"},
    "RegionsPolicy": {
        "balancers.py": "elasticloadbalancing",
        "accelerators.py": "globalaccelerator",
    },
}
"""Managed policy -> module -> the service whose client it calls `api`."""
WIDE: Final = frozenset(
    {
        "cloudwatch:GetMetricData",
        "elasticloadbalancing:DescribeLoadBalancers",
        "elasticloadbalancing:DescribeTargetGroups",
        "globalaccelerator:CreateAccelerator",
        "globalaccelerator:ListAccelerators",
        "globalaccelerator:TagResource",
        "route53:CreateHealthCheck",
        "route53:ListHealthChecks",
    }
)
"""Those that can be granted for everything only (Service Authorization Reference)."""
_BESIDE: Final = {"create_accelerator": {"globalaccelerator:TagResource"}}
"""What a call needs besides the right of its own name."""
_CALL: Final = re.compile(r'\bapi\.([a-z_0-9]+)\(|_pages\(\s*"([a-z_]+)"')


def needed(policy: str) -> set[str]:
    """What the modules of a managed policy call."""
    found = set()
    for module, service in POLICIES[policy].items():
        for match in _CALL.finditer((FOLDER / module).read_text(encoding="utf-8")):
            call = match[1] or match[2]
            own = "cloudwatch" if call == "get_metric_data" else service
            found.add(f"{own}:{call.title().replace('_', '')}")
            found |= _BESIDE.get(call, set())
    return found
