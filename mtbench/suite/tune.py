"""What a suite says of choosing options: `tune:`, a budget and spaces of values to try."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from mtbench.config.options import Options

Number = Annotated[float, Field(allow_inf_nan=False)]
Whole = int
Ends = Annotated[list[Number], Field(min_length=2, max_length=2)]
WholeEnds = Annotated[list[Whole], Field(min_length=2, max_length=2)]


class Values(Options):
    """Values to try of an option: a list of choices, or a range by one of the three other keys."""

    log: Ends | None = None
    """Lowest and highest value, all magnitudes between them alike."""
    uniform: Ends | None = None
    """Lowest and highest value, all values between them alike."""
    int: WholeEnds | None = None
    """Lowest and highest whole number, all between them alike."""
    choices: Annotated[list[Any], Field(min_length=1)] | None = None
    """What to choose from; a list alone will do."""

    @model_validator(mode="before")
    @classmethod
    def _of_a_list(cls, given: Any) -> Any:
        return {"choices": given} if isinstance(given, list) else given

    @model_validator(mode="after")
    def _of_one_form(self) -> Self:
        given = [key for key in type(self).model_fields if getattr(self, key) is not None]
        if len(given) != 1:
            found = " and ".join(given) or "nothing"
            raise ValueError(f"expected a list, or one of log, uniform and int, found {found}")
        if self.choices is None:
            low, high = self.ends
            if low >= high:
                raise ValueError(f"expected the lower end first, found {low:g} and {high:g}")
            if self.log and low <= 0:
                raise ValueError(f"expected ends above 0 for log, found {low:g}")
        return self

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: Any) -> dict[str, Any]:
        """A list alone will do, for editors too."""
        return {"anyOf": [handler(schema), {"type": "array", "minItems": 1}]}

    @property
    def ends(self) -> tuple[Any, Any]:
        """Lowest and highest value of a range, the first and the last of choices."""
        if self.choices is not None:
            return self.choices[0], self.choices[-1]
        low, high = self.log or self.uniform or self.int or (None, None)
        return low, high

    @property
    def extremes(self) -> tuple[Any, ...]:
        """The ends of a range, all choices of a list."""
        return tuple(self.choices) if self.choices is not None else self.ends

    def has(self, value: Any) -> bool:
        """Whether a value is among them."""
        if self.choices is not None:
            return value in self.choices
        whole = isinstance(value, Whole) and not isinstance(value, bool)
        sound = whole or (isinstance(value, float) and not self.int)
        low, high = self.ends
        return bool(sound and low <= value <= high)

    def said(self) -> Any:
        """As a suite says it."""
        return self.choices or self.model_dump(mode="json", exclude_none=True)


Space = dict[str, Values]
"""Values to try by dotted path."""


class ArmTune(Options):
    """What is different in tuning one scenario or baseline."""

    space: dict[str, Values | None] = Field({})
    """Further dotted paths, or other values for one of the suite's; null: that one is not tuned
    here. Of a baseline the names of its options."""
    trials: int | None = Field(None, ge=1)
    """Another number of trials than all others have; `because` says why."""
    because: str | None = Field(None, min_length=1)
    """Why the number of trials is another; reports say so."""

    @model_validator(mode="after")
    def _with_a_reason(self) -> Self:
        if (self.trials is None) != (self.because is None):
            lacking = "because" if self.because is None else "trials"
            raise ValueError(f"expected trials and because together, found no {lacking}")
        return self


class Tune(Options):
    """How options are chosen: on the validation part, with an equal budget for every arm."""

    trials: int = Field(ge=1)
    """Trials of every scenario and baseline; the first has the options as they are."""
    metrics: tuple[str, ...] = Field(min_length=1)
    """Metrics as `task/metric` of the validation part; those of the tasks that a scenario trains
    count, the mean of their logarithms decides."""
    space: Space = Field({})
    """Dotted paths within the scenarios, such as `train.optimizer.learning_rate`, with a range or
    values to choose from; `*` stands for every key, as in `towers.*.embedding_dim`. The options of
    a task are tuned in the scenarios that train it."""
    seeds: Annotated[list[Annotated[int, Field(ge=0, lt=2**31)]], Field(min_length=1)] = Field(
        [1000]
    )
    """Seeds of every trial, none of which is one of the suite's; their mean decides."""
    sampler: Literal["tpe", "random", "grid"] = "tpe"
    """How the next trial's options are drawn: by the tree-structured Parzen estimator, at random,
    or all of a grid in order."""
    pruner: Literal["none", "median", "asha"] = "none"
    """What ends a trial early, judged by the validation part after each epoch: a worse value than
    the median of the earlier trials' at that epoch, or asynchronous successive halving."""
    studies: int = Field(1, ge=1)
    """How often all of it is done anew, each with results of its own: their spread is that of the
    whole procedure, tuning included."""
