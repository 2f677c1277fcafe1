"""`template.yaml` as data, and what SAM and CloudFormation make of it."""

import json
import subprocess

import yaml

from infra import stage

TEMPLATE = stage.ROOT / "template.yaml"
_TRANSLATE = """
import json, sys
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse
template = yaml_parse(sys.stdin.read())
for resource in template["Resources"].values():
    if resource["Type"] == "AWS::Serverless::Function":
        resource["Properties"]["CodeUri"] = "s3://bucket-x/key.zip"
print(json.dumps(Translator({}, Parser()).translate(template, {})))
"""


class _Loader(yaml.SafeLoader):
    """Reads CloudFormation's short functions as `{"Ref": ...}` and `{"Fn::...": ...}`."""


def _function(loader, suffix, node):
    name = suffix if suffix in {"Ref", "Condition"} else f"Fn::{suffix}"
    if isinstance(node, yaml.ScalarNode):
        return {name: loader.construct_scalar(node)}
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    return {name: loader.construct_mapping(node, deep=True)}


_Loader.add_multi_constructor("!", _function)


def read():
    """The template."""
    return yaml.load(TEMPLATE.read_text(encoding="utf-8"), Loader=_Loader)


def of_type(template, kind):
    """The properties of every resource of a type, by logical id."""
    return {
        name: resource.get("Properties", {})
        for name, resource in template["Resources"].items()
        if resource["Type"] == kind
    }


def translate(programs, text):
    """What SAM makes of the template *text*, for CloudFormation."""
    done = subprocess.run(
        [programs / "python", "-c", _TRANSLATE],
        input=text,
        capture_output=True,
        text=True,
        check=False,
        env={"AWS_DEFAULT_REGION": "us-east-1"},
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def lint(programs, folder, template):
    """What cfn-lint says of a translated template; empty when all is well."""
    path = folder / "translated.json"
    path.write_text(json.dumps(template), encoding="utf-8")
    done = subprocess.run(
        [programs / "cfn-lint", path],
        capture_output=True,
        text=True,
        check=False,
        env={"AWS_DEFAULT_REGION": "us-east-1", "HOME": str(folder)},
    )
    return done.stdout.strip()
