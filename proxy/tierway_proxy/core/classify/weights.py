"""How much each signal counts: the whole of the judgement, as figures that a person can read, doubt and change.

Two sums are made of them, in log-odds: that a request is more than Simple, and that it is Complex. The signs say what
was expected; the sizes were fitted under those signs, to public data and to the requests in `demo/requests`, judged on
data sets left out, and rounded. Those of code, pictures and reasoning were set by hand. They describe structure, so
they are coarse: on kinds of task that they were not fitted to, expect two in five requests to be a class too high or
too low.
"""

from typing import Final, NamedTuple


class Weight(NamedTuple):
    """What a signal at full strength adds to both sums, and the words for it."""

    moderate: float
    complex: float
    words: str


BIAS: Final = Weight(-1.1, -1.2, "nothing in its structure asks for more")

OF_SIGNALS: Final = {
    "short": Weight(-0.7, -0.4, "only a few words"),
    "long": Weight(0.2, 1.0, "a long request"),
    # The size of the instruction, not of what it is about, is the best single sign of work.
    "asked": Weight(2.4, 0.2, "much is asked for at once"),
    "material": Weight(-0.2, -1.0, "a short instruction over material to read"),
    "sections": Weight(0.5, 0.4, "several sections"),
    "closing": Weight(0.9, 0.9, "a further passage at its end"),
    "stacked": Weight(1.1, 0.0, "many short lines"),
    "options": Weight(0.9, 0.9, "answers to choose between"),
    "items": Weight(0.7, 0.5, "listed steps or conditions"),
    # A plain question seldom wants a long chain of thought.
    "question": Weight(0.0, -0.5, "it asks a plain question"),
    "figures": Weight(0.5, 1.1, "dense in figures"),
    "asked_figures": Weight(0.3, 1.0, "figures in what is asked"),
    "formulas": Weight(0.7, 0.6, "formulas"),
    "code": Weight(0.3, 0.1, "code"),
    "quoted": Weight(-0.7, -0.4, "it is about quoted text"),
    # Names, labels and values come in rows, and are easy to work on.
    "commas": Weight(-0.8, -0.6, "much of it is names or values in a row"),
    "semicolons": Weight(0.6, 0.6, "clauses set apart by semicolons"),
    "fields": Weight(-0.7, -0.2, "fields to read or to fill"),
    "asides": Weight(0.8, 1.3, "qualified in brackets"),
}
"""In the order of `Signals`."""

OF_CIRCUMSTANCES: Final = {
    "tools": Weight(-0.1, -0.7, "a tool to call"),
    "many_tools": Weight(0.4, 0.0, "many tools to choose between"),
    "images": Weight(0.3, 0.2, "a picture to look at"),
    "schema": Weight(-1.1, -0.4, "fields of a schema to fill"),
    "reasoning": Weight(2.5, 2.0, "it asks for reasoning explicitly"),
    # Who allows a sentence wants a label or a figure.
    "brief": Weight(-1.0, -0.5, "only a short answer is allowed"),
}
"""In the order of `Circumstances`."""
