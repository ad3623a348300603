"""What documents for whoever runs a cluster say is all there is, and no command in them is left unrun without a word.

The commands themselves are run on a cluster by tests/e2e/test_docs.py.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.documents import blocks
from tierway_operator import conditions

ROOT = Path(__file__).parents[2]
DOCS = {
    name: (ROOT / "docs" / f"{name}.md").read_text()
    for name in ("install", "upgrade", "security", "troubleshooting", "callers", "releases")
}
TROUBLE = DOCS["troubleshooting"]
PROXY = sorted((ROOT / "proxy").rglob("*.py"))
TYPES = {"Ready", "Accepted", "ResolvedRefs", "Programmed", "Available", "WithinThresholds"}
GOOD = {"Answering", "Holding"}
OF_THE_ADMIN_PORT = {"unauthorized", "unknown_version", "no_token"}

NOT_RUN = {"install": ["the suite builds the same Containerfile and loads it into its cluster, which has no registry"]}
"""Blocks that no test runs, and why: the document's own words."""

MENTIONED = {
    "helm install --wait", "kubectl delete pod", "kubectl rollout restart", "kubectl get routingpolicies",
    "kubectl edit routingpolicy default -n llm", "kubectl label secret NAME tierway.dev/credential=true",
    "tierway explain -f request.json", 'tierway explain -d folder --caller web/frontend "…"',
    "kubectl create token frontend -n web --audience=tierway", "kubectl create token NAME --audience=tierway",
}  # fmt: skip
"""Commands within a sentence: the name of what one does, or what wants an editor or names of the reader's own."""

every_document = pytest.mark.parametrize("name", DOCS)


@every_document
def test_only_what_says_why_is_not_run(name):
    """And nothing hides in a block of another language."""
    found = blocks(DOCS[name])
    assert [block.not_run for block in found if block.not_run is not None] == NOT_RUN.get(name, [])
    assert {block.language for block in found} <= {"console", "yaml", *(["python"] if name == "callers" else [])}
    assert [block.line for block in found if block.language == "console" and not block.commands] == []


@every_document
def test_a_command_within_a_sentence_is_one_that_is_run_or_a_mention(name):
    """A reader copies those too."""
    prose = re.sub(r"^ *```.*?^ *```", "", DOCS[name], flags=re.MULTILINE | re.DOTALL)
    inline = {" ".join(span.split()) for span in re.findall(r"`([^`]+)`", prose)}
    commands = {span for span in inline if re.match(r"(kubectl|helm|tierway|curl|podman|docker|python3?) \S+ \S", span)}
    run = [" ".join(each.text.split()) for block in blocks(DOCS[name]) for each in block.commands]
    assert {each for each in commands if not any(each in text for text in run)} <= MENTIONED


@every_document
def test_links_lead_somewhere(name):
    """To files that are there, and to headings that are in them."""
    for target in re.findall(r"\]\(([^)]+)\)", DOCS[name]):
        path, _, anchor = target.partition("#")
        file = (ROOT / "docs" / path).resolve() if path else ROOT / "docs" / f"{name}.md"
        assert file.exists(), target
        assert not anchor or anchor in set(_anchors(file.read_text())), target


def _anchors(text: str) -> Iterator[str]:
    for heading in re.findall(r"^#+ (.*)$", text, re.MULTILINE):
        yield re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def test_every_reason_of_a_condition_is_explained():
    """All that a status may say when it is not well."""
    reasons = {value for name, value in vars(conditions).items() if name.isupper() and isinstance(value, str)}
    assert {each for each in reasons - TYPES - GOOD if f"`{each}`" not in TROUBLE} == set()


def test_every_word_for_a_failed_attempt_is_explained():
    """As the log and the metrics have it."""
    words = {
        argument.value for call in _calls("Failure") for argument in call.args[:1] if isinstance(argument, ast.Constant)
    } | {"Unavailable", "ServerError"}
    assert len(words) > 15
    assert {each for each in words if f"`{each}`" not in TROUBLE} == set()


def test_every_code_that_a_caller_may_get_is_explained_and_no_other():
    """With the status that it comes with."""
    codes = set(_codes()) - OF_THE_ADMIN_PORT
    rows = re.findall(r"^\| (\d{3}(?:, \d{3})*) \| ([^|]+) \|", TROUBLE, re.MULTILINE)
    explained = {code for _, cell in rows for code in re.findall(r"`([a-z_]+)`", cell)}
    assert len(codes) > 15
    assert explained == codes


def _codes() -> Iterator[str]:
    """Yield the codes of refusals: their fourth part, `bad_request`'s second, and what stands for either by default."""
    yield from ("invalid_request", "context_length_exceeded")
    for call in _calls("Refusal"):
        yield from (each.value for each in call.args[3:4] if isinstance(each, ast.Constant))
    for call in _calls("bad_request"):
        yield from (each.value for each in call.args[1:2] if isinstance(each, ast.Constant))


def _calls(name: str) -> Iterator[ast.Call]:
    for file in PROXY:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name:
                yield node
