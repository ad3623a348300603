"""A request as the classifier sees it: figures of structure, and hashes of words by place. No word is kept."""

from collections.abc import Mapping
from math import sqrt
from typing import Any, NamedTuple

from tierway_proxy.core.ask import Examined
from tierway_proxy.core.classify.conversation import Conversation, conversation
from tierway_proxy.core.classify.structure import Figures, structure
from tierway_proxy.core.classify.wording import Keys, wording


class Features(NamedTuple):
    """`structure` in the order of `structure.NAMES`; `groups` (value, hashes) for each of `wording.PLACES`.

    `value` is what each hash of its group weighs: the groups have length one, however many words they hold.
    """

    structure: Figures
    groups: tuple[tuple[float, Keys], ...]


def features(body: Mapping[str, Any], examined: Examined) -> Features:
    """Measure a request; never raises, whatever the values in the body are."""
    return features_of(conversation(body), body, examined)


def features_of(said: Conversation, body: Mapping[str, Any], examined: Examined) -> Features:
    """Measure a request as if these texts had been said in it."""
    groups = tuple((1 / sqrt(len(keys)) if keys else 0.0, keys) for keys in wording(said))
    return Features(structure(said, body, examined), groups)
