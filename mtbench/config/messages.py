"""What pydantic finds wrong with options, in our words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from types import UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from mtbench.errors import did_you_mean

MOST_FOUND = 200


def found_text(value: Any) -> str:
    """What a user wrote, or `nothing`; of much the beginning."""
    text = "nothing" if value is None else repr(value)
    return text if len(text) <= MOST_FOUND else f"{text[:MOST_FOUND]}…"


def message_of(detail: ErrorDetails, model: type[BaseModel], extra: Iterable[str]) -> str:
    """Say what pydantic found in our words: `expected X, found Y`."""
    if detail["type"] == "extra_forbidden":
        *above, key = detail["loc"]
        allowed = [*_fields(model, above), *(() if above else extra)]
        return f"unknown key{did_you_mean(str(key), allowed)}"
    if detail["type"] == "missing":
        return "missing key"
    written = detail["input"]
    if detail["type"] == "value_error":
        return f"{detail['ctx']['error']}"
    message = detail["msg"].replace("Input should be", "expected").split(", unable")[0]
    message = _EXPECTED.get(detail["type"], message)
    near = ""
    if detail["type"] == "literal_error" and isinstance(written, str):
        near = did_you_mean(written, re.findall(r"'([^']+)'", detail["ctx"]["expected"]))
        near = near if "did you mean" in near else ""  # the message lists them all
    return f"{message[0].lower()}{message[1:]}, found {found_text(written)}{near}"


_EXPECTED = {
    "bool_type": "expected true or false",
    "dict_type": "expected a mapping of keys to values",
    "float_type": "expected a number",
    "int_from_float": "expected an integer",
    "int_type": "expected an integer",
    "list_type": "expected a list",
    "model_type": "expected a mapping of keys to values",
    "string_pattern_mismatch": "expected a name of letters, digits, '.', '_' and '-'",
    "string_type": "expected text",
    "tuple_type": "expected a list",
}
"""Our words for pydantic's types of error."""


def _fields(model: type[BaseModel], loc: Sequence[str | int]) -> list[str]:
    """Names of the fields of the model at a path below `model`."""
    annotation: Any = model
    for part in loc:
        if get_origin(annotation) is dict:  # a key of a mapping, whose values are of one model
            annotation = get_args(annotation)[1]
            continue
        annotation = _model_in(annotation)
        field = annotation.model_fields.get(str(part)) if _is_model(annotation) else None
        annotation = field.annotation if field else None
    annotation = _model_in(annotation)
    return list(annotation.model_fields) if _is_model(annotation) else []


def _model_in(annotation: Any) -> Any:
    """The model or mapping among the members of a union."""
    if get_origin(annotation) not in (Union, UnionType):
        return annotation
    members = get_args(annotation)
    return next((one for one in members if _is_model(one) or get_origin(one) is dict), None)


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)
