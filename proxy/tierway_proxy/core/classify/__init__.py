"""How hard a request is: figures of its structure and hashes of its words, weighed by weights learned from labels.

`examine` is for every request and cheap; `classify` is for those whose class nobody named. Weights are the general
ones that are shipped (`general.bin`), or a policy's own over them: `training/` makes the first, `tierway calibrate` the
others.
"""

from tierway_proxy.core.classify.classes import BOUNDARIES, classify
from tierway_proxy.core.classify.examine import examine
from tierway_proxy.core.classify.features import Features, features
from tierway_proxy.core.classify.judge import general_sums, own_sums, probabilities

__all__ = ["BOUNDARIES", "Features", "classify", "examine", "features", "general_sums", "own_sums", "probabilities"]
