"""`tierway get`: what a folder's statuses say, asked as one asks kubectl."""

import re

import pytest
import yaml

from tierway_cli.__main__ import main
from tierway_operator.folder import locked


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "status").mkdir()
    for kind, namespace, name in (
        ("ModelTier", "llm", "cheap"),
        ("ModelTier", "llm", "dear"),
        ("RoutingPolicy", "llm", "default"),
    ):
        save(tmp_path, kind, namespace, name)
    return tmp_path


def save(folder, kind, namespace, name):
    meta = {"name": name, "namespace": namespace, "creationTimestamp": "2026-11-24T12:00:00Z"}
    found = {"kind": kind, "metadata": meta, "status": {"summary": {"models": "1/1", "requests": "7"}}}
    (folder / "status" / f"{kind.lower()}.{namespace}.{name}.yaml").write_text(yaml.safe_dump(found))


@pytest.fixture
def get(folder, capsys):
    def run(*arguments):
        status = main(["get", *arguments, "--folder", str(folder)])
        return status, *capsys.readouterr()

    return run


@pytest.mark.parametrize("name", ["modeltiers", "modeltier", "mtier", "ModelTiers", "modeltiers.tierway.dev"])
def test_a_kind_has_all_the_names_that_kubectl_knows(get, name):
    """Plural, singular, short, with its group, in any case."""
    status, out, _ = get(name)
    assert status == 0
    assert [line.split()[0] for line in out.splitlines()] == ["NAME", "cheap", "dear"]


@pytest.mark.parametrize("names", ["modeltiers,routingpolicies", "mtier,rpolicy", "tierway"])
def test_both_kinds_at_once_are_two_tables_with_a_blank_line_between(get, names):
    """Names carry their kind; the category means both."""
    _, out, _ = get(names)
    first, second = out.split("\n\n")
    assert "modeltier.tierway.dev/cheap" in first
    assert "routingpolicy.tierway.dev/default" in second


def test_objects_of_several_namespaces_show_theirs(get, folder):
    """With `-n`, only those of one, without the column."""
    save(folder, "ModelTier", "shared", "big")
    _, out, _ = get("modeltiers")
    assert [line.split()[:2] for line in out.splitlines()] == [
        ["NAMESPACE", "NAME"], ["llm", "cheap"], ["llm", "dear"], ["shared", "big"],
    ]  # fmt: skip
    _, out, _ = get("modeltiers", "-n", "shared")
    assert [line.split()[0] for line in out.splitlines()] == ["NAME", "big"]


def test_yaml_is_the_whole_object_or_a_list(get):
    """One named object alone, else a List, as kubectl does."""
    _, out, _ = get("mtier", "cheap", "-o", "yaml")
    assert yaml.safe_load(out)["metadata"]["name"] == "cheap"
    _, out, _ = get("mtier", "-o", "yaml")
    assert [each["metadata"]["name"] for each in yaml.safe_load(out)["items"]] == ["cheap", "dear"]


def test_what_is_not_there_is_an_error_in_words(get, folder, capsys):
    """A kind, an object, a folder that nobody serves."""
    assert get("pods") == (1, "", "Error: there is no kind 'pods'; there are modeltiers, routingpolicies\n")
    assert get("modeltiers", "nobody") == (1, "", "Error: not found: nobody\n")
    assert main(["get", "modeltiers", "--folder", str(folder / "status")]) == 1
    assert "start it with: tierway standalone" in capsys.readouterr().err


def test_a_folder_without_objects_says_so(get, folder):
    """And prints no empty table."""
    for file in (folder / "status").iterdir():
        file.unlink()
    status, out, err = get("modeltiers")
    assert (status, out) == (0, "")
    assert err.startswith("No resources found")


def test_a_folder_without_objects_that_nobody_serves_says_both(get, folder):
    """What was put into it since has not been looked at by anybody; while it is served, there is nothing."""
    for file in (folder / "status").iterdir():
        file.unlink()
    nothing = f"No resources found in {folder}.\n"
    start = f"Nobody serves {folder} now; start it with: tierway standalone {folder}\n"
    assert get("modeltiers") == (0, "", nothing + start)
    with locked(folder):
        assert get("modeltiers") == (0, "", nothing)


def test_a_folder_that_is_none_is_called_so(folder, capsys):
    """It is not the folder of a loop that never ran: it was probably misspelt."""
    assert main(["get", "modeltiers", "--folder", str(folder / "no")]) == 1
    assert capsys.readouterr().err.startswith(f"Error: {folder / 'no'} is no folder")


def test_figures_that_nobody_keeps_up_say_so(get, folder):
    """Whoever reads them must not take them for today's; while the folder is served, nothing is said."""
    status, out, err = get("modeltiers")
    assert (status, out.count("\n")) == (0, 3)
    assert re.fullmatch(rf"Nobody serves {folder} now: this is what was known \d+s ago\.\n", err)
    with locked(folder):
        assert get("modeltiers")[2] == ""
        assert main(["get", "modeltiers", "-d", str(folder)]) == 0
    assert get("modeltiers")[2].startswith("Nobody serves")
