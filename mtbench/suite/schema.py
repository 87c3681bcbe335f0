"""JSON Schema of a suite, with the options of every installed plugin, for editors."""

from __future__ import annotations

import json
import re
from typing import Any

from mtbench.plugin.component import Component
from mtbench.plugin.kinds import KINDS
from mtbench.plugin.registry import Registry

from .form import MOST_SEEDS, PARTIAL, SLOT, SuiteForm


def suite_schema(registry: Registry) -> dict[str, Any]:
    """Make the JSON Schema (draft 2020-12) of a suite: that of its form, every slot filled.

    Args:
        registry: Whose components are allowed.
    """
    schema = _with_references(SuiteForm.model_json_schema())
    properties, definitions = schema["properties"], schema["$defs"]
    listed = {**properties.pop("seeds"), "minItems": 1}
    help_text = {key: listed.pop(key) for key in ("default", "description", "title")}
    number = {"type": "integer", "minimum": 1, "maximum": MOST_SEEDS}
    properties["seeds"] = {**help_text, "anyOf": [listed, number]}
    for kind in (kind.name for kind in KINDS.values() if kind.in_suite):
        classes = [cls for cls in registry.classes() if cls.kind == kind]
        names = {"enum": [cls.name for cls in classes]}
        whole = [_component(cls, definitions) for cls in classes]
        definitions[kind] = {"anyOf": [names, *whole]}
        # what is merged with another component's options need not have all of them
        partial = [{**schema, "type": ["object", "null"], "required": []} for schema in whole]
        definitions[f"{kind}{PARTIAL}"] = {"anyOf": [names, *partial]}
    _drop_unused(schema)
    _fill_baselines(registry, properties["baselines"], definitions)
    task = {"anyOf": [*definitions["task"]["anyOf"], {"type": "null"}]}
    # under the name of a task plugin the options alone will do
    properties["tasks"]["properties"] = {
        cls.name: {"anyOf": [_component(cls, definitions, named=False), *task["anyOf"]]}
        for cls in registry.classes()
        if cls.kind == "task"
    }
    properties["tasks"]["additionalProperties"] = task
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": "mtbench suite",
    }


def _fill_baselines(
    registry: Registry, baselines: dict[str, Any], definitions: dict[str, Any]
) -> None:
    """Let a baseline say how it is tuned, and be its options alone under the name of a plugin."""
    about = "What is different in tuning it."
    tune = {"tune": {"$ref": "#/$defs/ArmTune", "description": about, "default": None}}

    def tuned(cls: type[Component], named: bool) -> dict[str, Any]:
        schema = _component(cls, definitions, named=named)
        return {**schema, "properties": {**schema["properties"], **tune}}

    classes = [cls for cls in registry.classes() if cls.kind == "baseline"]
    definitions["baseline"]["anyOf"][1:] = [tuned(cls, True) for cls in classes]
    mapping = next(arm for arm in baselines["anyOf"] if arm.get("type") == "object")
    any_of_them = definitions["baseline"]["anyOf"]
    mapping["properties"] = {
        cls.name: {"anyOf": [tuned(cls, False), *any_of_them]} for cls in classes
    }


def _drop_unused(schema: dict[str, Any]) -> None:
    """Leave out what no slot refers to; a task may be its options alone, and stays."""
    referred = {"task", *re.findall(r'"#/\$defs/(\w+)"', json.dumps(schema))}
    schema["$defs"] = {name: one for name, one in schema["$defs"].items() if name in referred}


def _with_references(schema: Any) -> Any:
    """The form's schema with a reference to a kind in place of each slot."""
    if isinstance(schema, list):
        return [_with_references(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    kind = {"$ref": f"#/$defs/{schema[SLOT]}"} if SLOT in schema else {}
    rest = {key: _with_references(value) for key, value in schema.items() if key != SLOT}
    return {**kind, **rest}


def _component(
    cls: type[Component], definitions: dict[str, Any], named: bool = True
) -> dict[str, Any]:
    """Schema of a component as a mapping of its name and options."""
    schema = cls.schema_of_options(ref_template="#/$defs/{model}")
    definitions |= schema.pop("$defs", {})
    name = {"name": {"const": cls.name}}
    required = [*(["name"] if named else []), *schema.get("required", [])]
    schema["properties"] = {**name, **schema.get("properties", {})}
    return {**schema, "type": ["object"] if named else ["object", "null"], "required": required}
