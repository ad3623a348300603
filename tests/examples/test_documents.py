"""What tests of documents go by: which commands there are, and when output is what is shown."""

import pytest

from tests.e2e.console import Console
from tests.e2e.documents import agrees, blocks

DOCUMENT = """
# Title

<!-- test: before: touch there -->
<!-- test: fails -->
```console
$ first --with \\
    two
shown

$ second <<'END'
of a here-document
END
```

```console
$ third
```

<!-- test: not run: it needs a registry -->
   ```console
   $ indented
   ```
"""


def test_commands_are_found_with_what_is_shown_of_them():
    """Over several lines, too; and where they stand."""
    first, second, third = blocks(DOCUMENT)
    assert [each.text for each in first.commands] == [
        "first --with \\\n    two",
        "second <<'END'\nof a here-document\nEND",
    ]
    assert [each.shown for each in first.commands] == [("shown", ""), ()]
    assert [each.line for each in first.commands] == [7, 11]
    assert (first.fails, first.before, first.not_run) == (True, ("touch there",), None)
    assert (second.fails, second.before, second.not_run) == (False, (), None)
    assert (third.not_run, [each.text for each in third.commands]) == ("it needs a registry", ["indented"])


def test_a_note_that_means_nothing_is_refused():
    """Else a slip of the pen would switch a test off."""
    with pytest.raises(ValueError, match="runs not"):
        blocks("<!-- test: runs not -->\n```console\n$ a\n```\n")


@pytest.mark.parametrize(
    ("shown", "printed", "good"),
    [
        ("budget 2/2 188ms", "budget   2/2  97ms\n", True),
        ("tierway-proxy-5c9f7d8b4-x7k2p 1/1 Running 0 12s", "tierway-proxy-849dd5b57f-abcde 1/1 Running 0 3m2s", True),
        ("True", "False", False),
        ("glm-5", "glm-6", False),
        ("one t…", "one two three", True),
        ("one t…", "one zwei", False),
        ("one t…", "one", False),
        ("one …", "one", True),
        ("one two …", "one two three four", True),
        ("one two …", "one 2two", False),
        ("second", "first\nsecond\nthird", True),
        ("second\nfirst", "first\nsecond", False),
        ("first\n…\nthird", "first\nsecond\nthird", True),
        ("", "anything", True),
    ],
)
def test_figures_and_names_of_pods_may_differ_and_words_may_not(shown, printed, good):
    """A condition that is False is not one that is True."""
    assert agrees(shown.splitlines(), printed) == good


def run(folder, text):
    with Console(folder, {}, {"THEIRS": "OURS"}) as console:
        for block in blocks(text):
            console.go_through(block)


def test_commands_share_a_shell_and_placeholders_stand_for_what_a_test_has(tmp_path):
    """As when one types them."""
    run(tmp_path, "```console\n$ A=THEIRS\n$ cd /\n$ echo $A $PWD\nOURS /\n```\n")


@pytest.mark.parametrize(
    "text",
    [
        "```console\n$ echo a\nb\n```",
        "```console\n$ false\n```",
        "<!-- test: fails -->\n```console\n$ true\n```",
        "<!-- test: before: false -->\n```console\n$ true\n```",
    ],
)
def test_a_document_that_is_wrong_fails(tmp_path, text):
    """With the command and what it printed."""
    with pytest.raises(AssertionError, match=r"line \d: \$ "):
        run(tmp_path, text)


def test_output_that_comes_later_is_waited_for(tmp_path):
    """Statuses are written within seconds."""
    run(tmp_path, "<!-- test: in time -->\n```console\n$ echo >>it; wc -l <it | tr 2 x\nx\n```\n")
