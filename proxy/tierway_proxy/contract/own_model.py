"""A policy's own model of difficulty: a small layer over the general one, fitted to labels of an application's traffic.

It is made by `tierway calibrate`, lies in a ConfigMap beside its policy under the key `model.json`, and travels inside
the route table, so that no request sees the table of one edit and the model of another. It holds no words of any
prompt: of words only hashes are known, of the rest only figures. It says how probable the classes are; where the
boundaries lie is the policy's affair.
"""

from base64 import b64decode
from typing import Annotated, Final, Literal

from pydantic import Field, field_validator

from tierway_proxy.contract.base import Message

GENERAL: Final = "general-4ca8127a"
"""Id of the general weights of this build: a model that was fitted over others would be noise over these."""

KEY: Final = "model.json"
"""Of the ConfigMap."""

WORDS: Final = 2048
"""Buckets that words are hashed into."""

FIGURES: Final = 86
"""Figures of structure that a request is measured by."""

MAX_BYTES: Final = 65_536
"""Of a model's text."""

Figure = Annotated[float, Field(ge=-100, le=100, allow_inf_nan=False)]
"""Of the size of log-odds: what is far beyond would make all requests one class."""


class OwnModel(Message):
    """Two sums of log-odds: that a request is more than Simple, and that it is Complex.

    Each is `bias` + `general` times the general model's own sums + `step` times what the weights of `structure` and
    `words` add up to. Weights are signed bytes in base64, a pair (more than Simple, Complex) for each figure of
    structure and for each of the `WORDS` buckets.
    """

    version: Literal[1] = 1
    over: str = Field(description="Id of the general weights that it was fitted over; with others it means nothing.")
    bias: tuple[Figure, Figure]
    general: tuple[tuple[Figure, Figure], tuple[Figure, Figure]]
    step: float = Field(gt=0, le=100, allow_inf_nan=False)
    structure: str
    words: str
    labels: int = Field(ge=1, description="How many labelled requests it was fitted to.")

    @field_validator("structure")
    @classmethod
    def _one_for_each_figure(cls, text: str) -> str:
        return _pairs(text, FIGURES)

    @field_validator("words")
    @classmethod
    def _one_for_each_bucket(cls, text: str) -> str:
        return _pairs(text, WORDS)


def _pairs(text: str, count: int) -> str:
    if len(b64decode(text, validate=True)) != 2 * count:
        raise ValueError(f"must be {count} pairs of signed bytes in base64")
    return text
