"""How much each signal counts: the whole of the judgement, as figures that a person can read, doubt and change.

Two sums are made of them, in log-odds: that a request is more than Simple, and that it is Complex. The signs say what
was expected, the sizes were fitted to public data under those signs, judged on data sets left out, and rounded; those of
code, pictures and directives were set by hand. They describe structure, so they are coarse: on kinds of task that they
were not fitted to, expect every second or third request to be put a class too high or too low.
"""

from typing import Final, NamedTuple


class Weight(NamedTuple):
    """What a signal at full strength adds to both sums, and the words for it."""

    moderate: float
    complex: float
    words: str


BIAS: Final = Weight(-1.1, -1.8, "nothing in its structure asks for more")

OF_SIGNALS: Final = {
    "terse": Weight(-0.8, -0.4, "only a few words"),
    "long": Weight(0.3, 1.2, "a long request"),
    "opening": Weight(0.8, 1.0, "much is said before the first line break"),
    # A prompt that ends in a long line is mostly about text to be read, labelled or rewritten.
    "closing": Weight(-0.5, -1.1, "it ends in a passage of text to work on"),
    "framed": Weight(-0.6, -0.5, "a short instruction over material to read"),
    "gaps": Weight(1.6, 1.3, "several sections"),
    "stacked": Weight(1.2, 0.0, "many short lines"),
    # A plain question wants more than a label, and seldom a long chain of thought.
    "asks_first": Weight(0.4, -0.6, "it opens with a question"),
    "options": Weight(1.0, 0.7, "answers to choose between"),
    "items": Weight(0.5, 0.2, "listed steps or conditions"),
    "figures": Weight(0.8, 1.1, "dense in figures"),
    "edge_figures": Weight(0.7, 1.0, "figures in what is asked"),
    "formulas": Weight(0.5, 0.5, "formulas"),
    "code": Weight(0.5, 0.3, "code"),
    "quoted": Weight(-0.5, -0.7, "it is about quoted text"),
    # Labels to choose from, names to find: what is easy to answer comes in rows.
    "enumerating": Weight(-1.2, -0.4, "mostly names or values in a row"),
    "introduces": Weight(0.7, 1.0, "an opening line that introduces a problem"),
    "fields": Weight(-1.2, -0.5, "fields to read or to fill"),
    "asides": Weight(0.2, 1.0, "qualified by asides in brackets"),
}
"""In the order of `Signals`."""

OF_CIRCUMSTANCES: Final = {
    "tools": Weight(-0.3, -0.9, "a tool to call"),
    "many_tools": Weight(1.6, 0.6, "many tools to choose between"),
    "images": Weight(0.5, 0.5, "a picture to look at"),
    "reasoning": Weight(2.5, 2.0, "it asks for reasoning explicitly"),
    # Who allows a sentence wants a label or a figure.
    "brief": Weight(-0.8, -1.2, "only a short answer is allowed"),
}
"""In the order of `Circumstances`."""
