"""An application whose three kinds of requests are told apart by their words, and prompts and labels of it."""

import json
from random import Random

from tierway_cli.own_model.labels import Label
from tierway_cli.own_model.looks import look
from tierway_cli.own_model.prompts import prompt_of

KINDS = {
    "Simple": "Where is the parcel with the {0} {1} for {2}?",
    "Moderate": "Write a friendly note to {2} about the late {0} {1}, in three paragraphs.",
    "Complex": "Derive the cheapest loading of {0} lorries with {1} boxes for {2} and justify each bound of it.",
}
COLOURS = ["red", "blue", "green", "amber", "white", "black", "violet", "grey", "brown", "pink"]
THINGS = ["lamp", "chair", "table", "clock", "mirror", "carpet", "drawer", "shelf", "kettle", "radio"]
PEOPLE = ["Ada", "Ben", "Chidi", "Dora", "Emil", "Fatima", "Goran", "Hana", "Ivo", "Jun"]


def texts(count, seed=0):
    """Pairs of class and text, all texts different, the classes in turn."""
    random, found = Random(seed), {}  # noqa: S311 - texts, not secrets
    while len(found) < count:
        klass = list(KINDS)[len(found) % 3]
        words = (random.choice(COLOURS), random.choice(THINGS), random.choice(PEOPLE))
        found.setdefault(KINDS[klass].format(*words), klass)
    return [(klass, text) for text, klass in found.items()]


def prompt(text):
    return prompt_of({"messages": [{"role": "user", "content": text}]})


def labels(count, seed=0, truth=None):
    """Labels of `count` prompts; `truth` makes a class of the right one."""
    return [
        Label(prompt(text).id, truth(klass) if truth else klass, look(prompt(text).body))
        for klass, text in texts(count, seed)
    ]


def write_lines(path, values):
    path.write_text("".join(json.dumps(value, ensure_ascii=False) + "\n" for value in values), encoding="utf-8")
    return path
