"""Validates documents of our kinds as the API server would, without one.

The folder store asks it. The committed CustomResourceDefinitions are the only source: their schema and defaults, and
the very CEL rules in them, so that a folder and a cluster cannot disagree. Verdict and field are the API server's, as
is the sentence of a CEL rule; structural refusals are in words of our own. Whatever spans objects is the compiler's.
"""

from tierway_operator.validation.refusal import Refusal
from tierway_operator.validation.validator import Accepted, Refused, Validator

__all__ = ["Accepted", "Refusal", "Refused", "Validator"]
