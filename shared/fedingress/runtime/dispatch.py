"""From the name of a concern to its code, imported when it is first needed."""

from importlib import import_module

from fedingress.domain.outcome import Outcome
from fedingress.domain.work import Work
from fedingress.ports import Guard, Ports
from fedingress.runtime.invoke import Reconcile


def reconciler(concern: str, ports: Ports) -> Reconcile:
    """
    The `reconcile` of *concern*, bound to *ports*.

    A door serves one concern, so that the others' modules are never loaded there.
    """
    module = import_module(f"fedingress.concerns.{concern}")

    def reconcile(work: Work, guard: Guard) -> Outcome:
        outcome: Outcome = module.reconcile(work, ports, guard)
        return outcome

    return reconcile
