"""From objects and what was last published to what is published next, and what is said of each object. Pure.

`compiled` is the one door. It refuses to guess: what could not be listed is unknown, and nothing is decided on it.
"""

from tierway_operator.compiler.compiled import Compiled, PolicyResult, TierResult, compiled

__all__ = ["Compiled", "PolicyResult", "TierResult", "compiled"]
