"""
CEL: the rules of CRDs (``x-kubernetes-validations``) and of admission policies.

Expressions are compiled once and cached; the interpreter (cel-python) is imported when the first
one is met. Beside the standard functions the Kubernetes libraries for lists, strings, regular
expressions, addresses and URLs are there.

Not modelled: ``quantity()``, ``authorizer``, ``format.*``, optional types and cost limits; an
expression that uses them is an evaluation error, and is told so.

Source: Kubernetes reference, "Common Expression Language in Kubernetes".
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from localcloud.kube import errors
from localcloud.kube.errors import Causes

_REASONS = frozenset(
    {"FieldValueInvalid", "FieldValueForbidden", "FieldValueRequired", "FieldValueDuplicate"}
)


class RuleError(Exception):
    """An expression that cannot be compiled or evaluated."""


def evaluate(expression: str, variables: Mapping[str, Any]) -> Any:
    """
    Give the value of a CEL *expression*; variables are JSON values.

    Raises:
        RuleError: It cannot be compiled, or fails on these values.
    """
    from celpy.evaluation import CELEvalError  # noqa: PLC0415 - 0.3 s that few clusters need

    program = _program(expression)
    activation = {name: _to_cel(value) for name, value in variables.items()}
    try:
        result = program.evaluate(activation)
    except CELEvalError as error:
        raise RuleError(str(error.args[0]) if error.args else "evaluation failed") from error
    return result


def _to_cel(value: Any) -> Any:
    """Give *value* as the interpreter wants it; results of other expressions pass as they are."""
    from celpy import adapter, celtypes  # noqa: PLC0415 - see evaluate

    if type(value).__module__.startswith("celpy."):
        return value
    if isinstance(value, Mapping):
        pairs = {celtypes.StringType(k): _to_cel(v) for k, v in value.items()}
        return celtypes.MapType(pairs)
    if isinstance(value, list):
        return celtypes.ListType([_to_cel(item) for item in value])
    return adapter.json_to_cel(value)


@lru_cache(maxsize=4096)
def _program(expression: str) -> Any:
    import celpy  # noqa: PLC0415 - see evaluate
    from celpy.celparser import CELParseError  # noqa: PLC0415 - see evaluate

    from localcloud.kube import celfunctions  # noqa: PLC0415 - it imports the interpreter

    environment = celpy.Environment()
    try:
        tree = environment.compile(expression)
    except CELParseError as error:
        raise RuleError(f"compilation failed: {error.args[0]}") from error
    return environment.program(tree, functions=dict(celfunctions.FUNCTIONS))


def compile_fault(expression: str) -> str:
    """Say why *expression* cannot be compiled; empty when it can."""
    try:
        _program(expression)
    except RuleError as error:
        return str(error)
    return ""


def causes(rule: Mapping[str, Any], path: str, value: Any, old: Any) -> Causes:
    """Give the cause when *rule* of a schema does not hold for *value* at *path*."""
    expression = rule["rule"]
    variables = {"self": value}
    if "oldSelf" in expression:
        if old is None:
            return  # a transition rule needs something to compare with
        variables["oldSelf"] = old
    try:
        holds = bool(evaluate(expression, variables))
    except RuleError as error:
        text = f"rule evaluation error: {error}"
        yield errors.Cause(
            field=path or "<nil>", reason="FieldValueInvalid", message=f"Invalid value: {text}"
        )
        return
    if not holds:
        yield _broken(rule, path, value, variables)


def _broken(
    rule: Mapping[str, Any], path: str, value: Any, variables: Mapping[str, Any]
) -> errors.Cause:
    message = rule.get("message") or f"failed rule: {rule['rule']}"
    if rule.get("messageExpression"):
        try:
            message = str(evaluate(rule["messageExpression"], variables))
        except RuleError:
            message = rule.get("message") or message
    field = path + rule.get("fieldPath", "") or "<nil>"
    given = str(rule.get("reason"))
    reason = given if given in _REASONS else "FieldValueInvalid"
    words = {
        "FieldValueForbidden": f"Forbidden: {message}",
        "FieldValueRequired": f"Required value: {message}",
        "FieldValueDuplicate": f"Duplicate value: {message}",
    }
    text = words.get(reason) or errors.value_invalid(field, _shown(value), message).message
    return errors.Cause(field=field.removeprefix("."), reason=reason, message=text)


def _shown(value: Any) -> Any:
    if isinstance(value, dict):
        return "object"
    return "array" if isinstance(value, list) else value
