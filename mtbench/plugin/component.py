"""The kinds of component: frozen, validated options, each with one method that builds.

A component is data. Only what its `build` (a dataset: `load`) returns holds tensors, so a suite can
be read, checked and hashed without TensorFlow. What `build` returns is a callable or an object; the
Keras layers and `tf.Variable`s it needs are its attributes, and that is how the model finds them.
"""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import TypeAdapter
from pydantic.errors import PydanticInvalidForJsonSchema

from mtbench.config.options import Options
from mtbench.errors import PluginError

Tensor = Any
"""A `tf.Tensor`; TensorFlow has no types of its own to name."""


class Component(Options):
    """Base of every kind."""

    kind: ClassVar[str]
    """What it is: one of `plugin.kinds.KINDS`."""
    name: ClassVar[str]
    """What a suite calls it."""

    def options(self) -> dict[str, Any]:
        """Return every option with its value, as JSON types, defaults included.

        Raises:
            PluginError: A value has no JSON form.
        """
        options: dict[str, Any] = {}
        for name in type(self).model_fields:
            try:
                options |= self.model_dump(mode="json", include={name})
            except ValueError as error:
                raise PluginError(
                    f"{self.kind} {self.name!r}: option {name!r} has no JSON form: {error}"
                ) from error
        return options

    @classmethod
    def schema_of_options(cls, **arguments: Any) -> dict[str, Any]:
        """Return the JSON Schema of the options; see pydantic's `model_json_schema`.

        Raises:
            PluginError: An option's type has none.
        """
        try:
            return cls.model_json_schema(**arguments)
        except PydanticInvalidForJsonSchema as error:
            for name, option in cls.model_fields.items():
                annotation: Any = option.annotation
                try:
                    TypeAdapter(annotation).json_schema()
                except PydanticInvalidForJsonSchema:
                    message = f"{cls.kind} {cls.name!r}: option {name!r} has no JSON Schema"
                    raise PluginError(message) from error
            raise
