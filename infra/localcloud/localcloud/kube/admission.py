"""
ValidatingAdmissionPolicies and their bindings, evaluated for what they match.

Variables are ``object``, ``oldObject``, ``request`` (operation, kind, resource, name, namespace,
subResource, dryRun, userInfo.username), ``namespaceObject`` and ``variables``.

Not modelled: parameters, audit annotations, ``authorizer``, exclusion by resource names, deletes of
collections one object at a time in a single decision.

Source: Kubernetes reference, "Validating Admission Policy".
"""

from collections.abc import Iterable, Mapping
from typing import Any

from localcloud.kube import errors
from localcloud.kube.resources import NAMESPACES
from localcloud.kube.rules import RuleError, evaluate
from localcloud.kube.selectors import label_selector_matches
from localcloud.kube.store import Store
from localcloud.kube.targets import Options, Target

_GROUP = "admissionregistration.k8s.io"
POLICIES = (_GROUP, "validatingadmissionpolicies")
BINDINGS = (_GROUP, "validatingadmissionpolicybindings")

_CODES = {"Unauthorized": 401, "Forbidden": 403, "Invalid": 422, "RequestEntityTooLarge": 413}

Object = Mapping[str, Any]


class Admission:
    """The admission stage of one cluster."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def admit(
        self,
        target: Target,
        operation: str,
        obj: Object | None,
        old: Object | None,
        options: Options,
    ) -> None:
        """
        Let a write pass, or refuse it.

        Args:
            target: What is written.
            operation: ``CREATE``, ``UPDATE`` or ``DELETE``.
            obj: The object as it would be stored; None for a delete.
            old: The object before; None for a create.
            options: Takes the warnings of policies that only warn.

        Raises:
            ApiError: A policy denies the write; by default 422 Invalid.
        """
        bindings = self._store.list(BINDINGS)
        if not bindings or target.resource.group == _GROUP:
            return
        for (_, name), binding in bindings:
            spec = binding.obj["spec"]
            policy = self._store.get(POLICIES, "", spec["policyName"])
            if policy is None:
                continue
            rules = policy.obj["spec"]
            subject = obj if obj is not None else old
            constraints = (rules.get("matchConstraints") or {}, spec.get("matchResources"))
            if all(
                self._selected(c, target, operation, subject) for c in constraints if c is not None
            ):
                variables = self._variables(target, operation, obj, old, options)
                self._evaluate(rules, (spec["policyName"], name), spec, variables, options)

    def _selected(
        self, constraints: Object, target: Target, operation: str, subject: Object | None
    ) -> bool:
        rules = constraints.get("resourceRules")
        if rules is not None and not any(_rule_matches(rule, target, operation) for rule in rules):
            return False
        excluded = constraints.get("excludeResourceRules") or ()
        if any(_rule_matches(rule, target, operation) for rule in excluded):
            return False
        labels = ((subject or {}).get("metadata") or {}).get("labels") or {}
        if not label_selector_matches(constraints.get("objectSelector") or {}, labels):
            return False
        selector = constraints.get("namespaceSelector") or {}
        if not selector or not target.namespace:
            return True
        namespace = self._namespace(target) or {}
        return label_selector_matches(
            selector, (namespace.get("metadata") or {}).get("labels") or {}
        )

    def _namespace(self, target: Target) -> Object | None:
        entry = self._store.get(NAMESPACES, "", target.namespace)
        return None if entry is None else entry.obj

    def _variables(
        self,
        target: Target,
        operation: str,
        obj: Object | None,
        old: Object | None,
        options: Options,
    ) -> dict[str, Any]:
        resource = target.resource
        kind = {"group": resource.group, "version": resource.version, "kind": resource.kind}
        plural = {"group": resource.group, "version": resource.version, "resource": resource.plural}
        name = target.name or ((obj or {}).get("metadata") or {}).get("name", "")
        return {
            "object": obj,
            "oldObject": old,
            "namespaceObject": self._namespace(target) if target.namespace else None,
            "request": {
                "operation": operation,
                "kind": kind,
                "resource": plural,
                "subResource": target.subresource,
                "name": name,
                "namespace": target.namespace,
                "dryRun": options.dry_run,
                "userInfo": {"username": options.user},
            },
        }

    def _evaluate(
        self,
        rules: Object,
        names: tuple[str, str],
        binding: Object,
        variables: dict[str, Any],
        options: Options,
    ) -> None:
        for condition in rules.get("matchConditions") or ():
            if not _holds(condition["expression"], variables, rules):
                return
        computed: dict[str, Any] = {}
        variables = {**variables, "variables": computed}
        for variable in rules.get("variables") or ():
            try:
                computed[variable["name"]] = evaluate(variable["expression"], variables)
            except RuleError:
                continue  # whoever uses it fails, as the lazy evaluation of a real server does
        for validation in rules.get("validations") or ():
            if _holds(validation["expression"], variables, rules):
                continue
            text = (
                f"ValidatingAdmissionPolicy '{names[0]}' with binding '{names[1]}' denied request"
            )
            message = f"{text}: {_message(validation, variables)}"
            if "Deny" in (binding.get("validationActions") or ()):
                raise _denied(validation, variables["request"], message)
            if "Warn" in (binding.get("validationActions") or ()):
                options.warnings.append(message)


def _rule_matches(rule: Object, target: Target, operation: str) -> bool:
    resource = target.resource
    plural = resource.plural + (f"/{target.subresource}" if target.subresource else "")
    scope = {"*": True, "Namespaced": resource.namespaced, "Cluster": not resource.namespaced}
    return (
        _any(rule.get("operations"), operation)
        and _any(rule.get("apiGroups"), resource.group)
        and _any(rule.get("apiVersions"), resource.version)
        and (
            _any(rule.get("resources"), plural)
            or "*/*" in (rule.get("resources") or ())
            or f"{resource.plural}/*" in (rule.get("resources") or ())
        )
        and scope.get(rule.get("scope", "*"), True)
    )


def _any(words: Iterable[str] | None, word: str) -> bool:
    listed = tuple(words or ())
    return word in listed or ("*" in listed and "/" not in word)


def _holds(expression: str, variables: Object, rules: Object) -> bool:
    """Evaluate, and let the failure policy decide about what cannot be evaluated."""
    try:
        return bool(evaluate(expression, variables))
    except RuleError:
        return rules.get("failurePolicy") == "Ignore"


def _message(validation: Object, variables: Object) -> str:
    if validation.get("messageExpression"):
        try:
            return str(evaluate(validation["messageExpression"], variables))
        except RuleError:
            pass
    return str(validation.get("message") or f"failed expression: {validation['expression']}")


def _denied(validation: Object, request: Object, message: str) -> errors.ApiError:
    reason = validation.get("reason") or "Invalid"
    resource = request["resource"]
    qualified = errors.qualified(resource["resource"], resource["group"])
    details = {
        "name": request["name"],
        "group": resource["group"],
        "kind": resource["resource"],
        "causes": [{"message": message}],
    }
    text = f'{qualified} "{request["name"]}" is forbidden: {message}'
    return errors.ApiError(_CODES.get(reason, 422), text, reason=reason, details=details)
