"""JSON Schema of a suite, with the options of every installed plugin, for editors."""

from __future__ import annotations

from typing import Any

from mtbench.plugin.component import Component
from mtbench.plugin.kinds import KINDS
from mtbench.plugin.registry import Registry

from .keys import MOST_SEEDS, Protocol
from .suite import SIDES


def suite_schema(registry: Registry) -> dict[str, Any]:
    """Make the JSON Schema (draft 2020-12) of a suite.

    Args:
        registry: Whose components are allowed.
    """
    schema = Protocol.model_json_schema()
    properties = schema["properties"]
    listed = {**properties.pop("seeds"), "minItems": 1}
    help_text = {key: listed.pop(key) for key in ("default", "description", "title")}
    number = {"type": "integer", "minimum": 1, "maximum": MOST_SEEDS}
    properties["seeds"] = {**help_text, "anyOf": [listed, number]}
    definitions = schema.setdefault("$defs", {})
    for kind in (kind.name for kind in KINDS.values() if kind.in_suite):
        classes = [cls for cls, _ in registry if cls.kind == kind]
        definitions[kind] = {
            "anyOf": [
                {"enum": [cls.name for cls in classes]},
                *(_component(cls, definitions) for cls in classes),
            ]
        }
    task = {"anyOf": [*definitions["task"]["anyOf"], {"type": "null"}]}
    tasks = [cls for cls, _ in registry if cls.kind == "task"]
    # under the name of a task plugin the options alone will do
    named = {
        cls.name: {"anyOf": [_component(cls, definitions, named=False), *task["anyOf"]]}
        for cls in tasks
    }
    scenario = {
        "type": "object",
        "properties": {
            "tasks": {"type": "array", "items": {"type": "string"}, "minItems": 1},
            "weighting": {"$ref": "#/$defs/weighting"},
            "sweep": {
                "type": "object",
                "description": "Options of the weighting, each with a list of values: a scenario "
                "for each point of the grid.",
                "additionalProperties": {"type": "array", "minItems": 1},
                "minProperties": 1,
            },
        },
        "required": ["tasks"],
        "additionalProperties": False,
    }
    properties |= {
        "dataset": {"$ref": "#/$defs/dataset"},
        "split": {"$ref": "#/$defs/split"},
        "towers": {
            "type": "object",
            "properties": {side: {"$ref": "#/$defs/tower"} for side in SIDES},
            "required": list(SIDES),
            "additionalProperties": False,
        },
        "tasks": {
            "type": "object",
            "properties": named,
            "additionalProperties": task,
            "minProperties": 1,
        },
        "scenarios": {"type": "object", "additionalProperties": scenario, "minProperties": 1},
    }
    schema["required"] = ["name", "dataset", "split", "towers", "tasks", "scenarios"]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": "mtbench suite",
    }


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
