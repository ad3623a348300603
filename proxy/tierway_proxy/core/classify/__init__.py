"""How hard a request is, from its structure alone.

`examine` is for every request and cheap; `classify` is for those whose class nobody named. Words are never looked up:
structure (what is asked beside what is quoted, questions, lists, code, mathematics, turns, tools, directives) reads the
same in every language and is not flipped by a line of impressive words.
"""

from tierway_proxy.core.classify.examine import examine
from tierway_proxy.core.classify.rules import classify

__all__ = ["classify", "examine"]
