"""
What an API server does with a custom object: defaults, schema, unknown fields, CEL rules.

The schema is evaluated as JSON schema of draft 4, whose words OpenAPI 3.0 shares (a boolean
exclusiveMinimum among them); rules are evaluated with cel-python, without the server's cost limits.
"""

import copy
from pathlib import Path

import celpy
import jsonschema
import yaml
from celpy.adapter import json_to_cel

from localcloud.kube.celfunctions import FUNCTIONS

ROOT = Path(__file__).parents[3]
KUBERNETES = ROOT / "infra" / "kubernetes"


def documents(path):
    return [each for each in yaml.safe_load_all(path.read_text(encoding="utf-8")) if each]


def crd_schema(file):
    (crd,) = documents(KUBERNETES / "crds" / file)
    (version,) = crd["spec"]["versions"]
    return version["schema"]["openAPIV3Schema"]


def rule_holds(expression, **variables):
    environment = celpy.Environment()
    program = environment.program(environment.compile(expression), functions=FUNCTIONS)
    return bool(program.evaluate({name: json_to_cel(value) for name, value in variables.items()}))


def defaulted(value, schema):
    """A copy of *value* with the schema's defaults, outer ones first, as a server sets them."""
    if isinstance(value, dict):
        filled = dict(value)
        for name, part in (schema.get("properties") or {}).items():
            if name not in filled and "default" in part:
                filled[name] = copy.deepcopy(part["default"])
            if name in filled:
                filled[name] = defaulted(filled[name], part)
        return filled
    if isinstance(value, list) and "items" in schema:
        return [defaulted(item, schema["items"]) for item in value]
    return value


def causes(value, schema, at=""):
    """Why a server refuses *value*, under strict field validation; empty when it takes it."""
    value = defaulted(value, schema)
    found = [
        f"{error.json_path}: {error.message}"
        for error in jsonschema.Draft4Validator(_open(schema)).iter_errors(value)
    ]
    return found or [*_unknown(value, schema, at), *_broken_rules(value, schema, at)]


def _open(schema):
    """Draft 4 knows no `nullable`."""
    if isinstance(schema, dict):
        if schema.get("nullable") and "type" in schema:
            return {**schema, "type": [schema["type"], "null"]}
        return {name: _open(part) for name, part in schema.items()}
    return [_open(part) for part in schema] if isinstance(schema, list) else schema


def _parts(value, schema, at):
    if isinstance(value, dict):
        extra = schema.get("additionalProperties")
        for name, inner in value.items():
            part = (schema.get("properties") or {}).get(name, extra)
            if isinstance(part, dict):
                yield inner, part, f"{at}.{name}"
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield inner, schema["items"], f"{at}[{index}]"


def _unknown(value, schema, at):
    keeps = schema.get("x-kubernetes-preserve-unknown-fields")
    if isinstance(value, dict) and "properties" in schema and not keeps:
        for name in value.keys() - schema["properties"].keys():
            yield f'{at}: unknown field "{name}"'
    if isinstance(value, list) and schema.get("x-kubernetes-list-type") == "set":
        for index, item in enumerate(value):
            if item in value[:index]:
                yield f"{at}[{index}]: Duplicate value"
    for inner, part, place in _parts(value, schema, at):
        yield from _unknown(inner, part, place)


def _broken_rules(value, schema, at):
    for rule in schema.get("x-kubernetes-validations") or ():
        if "oldSelf" not in rule["rule"] and not rule_holds(rule["rule"], self=value):
            yield f"{at}: {rule['message']}"
    for inner, part, place in _parts(value, schema, at):
        yield from _broken_rules(inner, part, place)
