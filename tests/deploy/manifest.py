"""What every home's deploy files must agree on: functions, what they reach, how long they wait."""

from fedingress.adapters.kube.connection import Timeouts
from fedingress.domain.work import CONCERNS
from fedingress.runtime.settings import Settings
from infra import stage

FUNCTIONS = frozenset(stage.names())
EVENTS = frozenset(CONCERNS)
"""The functions that are reached by events; the others are called."""
CALL_SECONDS = Timeouts().call_seconds
"""The longest of any call: those of Google's adapters are shorter."""
EVERYWHERE = frozenset({"owner", "kubeconfig", "inventory_namespace", "store", "bus"})
"""Settings that each function must get on each home."""
VARIABLES = frozenset(f"FEDINGRESS_{name.upper()}" for name in Settings.__dataclass_fields__)


def carries(extra, home):
    """The functions whose folder carries *extra*."""
    return frozenset(name for name in FUNCTIONS if extra in stage.extras(name, home))
