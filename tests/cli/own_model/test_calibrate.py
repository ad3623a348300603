"""`tierway calibrate` makes a model that a proxy reads, or says why there is none."""

import json
import sys

import pytest
import yaml

from tests.cli.own_model.application import texts, write_lines
from tierway_cli.__main__ import main
from tierway_operator.compiler.own_models import model_in
from tierway_proxy.contract.own_model import KEY, OwnModel


@pytest.fixture
def calibrate(tmp_path, monkeypatch, capsys):
    """Run the command in a folder of its own."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        code = main(["calibrate", *map(str, arguments)])
        return code, capsys.readouterr()

    return run


def labelled(path, count, **change):
    return write_lines(path, [{"prompt": text, "class": change.get(klass, klass)} for klass, text in texts(count)])


def test_a_model_is_written_that_the_operator_takes_and_that_holds_no_text(calibrate, tmp_path):
    """A ConfigMap that never changes, labelled, named for policy and content, with the lines to put into the policy."""
    labelled(tmp_path / "l.jsonl", 36)
    code, printed = calibrate("l.jsonl", "--policy", "llm/support")
    assert code == 0, printed.err
    (file,) = tmp_path.glob("support-*.yaml")
    made = yaml.safe_load(file.read_text())
    assert made["metadata"]["name"] == file.stem
    assert made["metadata"]["namespace"] == "llm"
    assert made["metadata"]["labels"] == {"tierway.dev/classifier-model": "true"}
    assert made["immutable"] is True
    assert isinstance(model_in(made["data"]), OwnModel)
    assert f"name: {file.stem}" in printed.out
    assert not any(word in file.read_text() for word in ("parcel", "lorries", "friendly"))
    assert main(["validate", str(file)]) == 0


def test_figures_before_and_after_stand_side_by_side_with_their_intervals(calibrate, tmp_path):
    """And with how many labels they are of."""
    labelled(tmp_path / "l.jsonl", 36)
    _, printed = calibrate("l.jsonl", "--policy", "llm/support")
    assert (
        "36 labels (12 Simple, 12 Moderate, 12 Complex), 0 prompts without one; 10-fold cross-validation" in printed.out
    )
    assert "general                   own" in printed.out
    (line,) = [line for line in printed.out.splitlines() if line.startswith("macro-F1")]
    assert line.count("[") == 2
    assert "Complex taken for less (of 12)" in printed.out


def test_the_same_labels_make_the_same_file(calibrate, tmp_path):
    """Whatever the file of labels is called."""
    labelled(tmp_path / "one.jsonl", 36)
    labelled(tmp_path / "two.jsonl", 36)
    calibrate("one.jsonl", "--policy", "llm/support", "-o", "one.yaml")
    calibrate("two.jsonl", "--policy", "llm/support", "-o", "two.yaml")
    assert (tmp_path / "one.yaml").read_bytes() == (tmp_path / "two.yaml").read_bytes()


def test_lines_are_drawn_for_a_wanted_share_of_complex(calibrate, tmp_path):
    """Where somebody was unsure what is Complex, who wants fewer of them gets a higher line than who wants many."""
    told = [
        {"prompt": text, "class": "Moderate" if klass == "Complex" and at % 2 else klass}
        for at, (klass, text) in enumerate(texts(36))
    ]
    write_lines(tmp_path / "l.jsonl", told)
    write_lines(tmp_path / "pool.jsonl", [text for _, text in texts(90)])
    arguments = ("l.jsonl", "--pool", "pool.jsonl", "--policy", "llm/support")
    _, usual = calibrate(*arguments, "--force")
    _, more = calibrate(*arguments, "--force", "--complex-share", "30")
    _, fewer = calibrate(*arguments, "--force", "--complex-share", "5")
    percents = [
        int(next(line for line in printed.out.splitlines() if "complexPercent" in line).split(":")[1])
        for printed in (more, fewer)
    ]
    assert percents[0] < percents[1]
    assert "boundaries" not in usual.out
    assert "54 prompts without one" in usual.out
    assert "own, lines as below" in more.out


def test_a_model_that_is_not_better_is_not_written_unless_it_is_forced(calibrate, tmp_path):
    """Labels that have nothing to do with the prompts teach nothing, and it says so."""
    classes = ["Simple", "Moderate", "Complex"]
    noise = [
        {"prompt": text, "class": classes[(at * 7 + at // 3 + at // 5) % 3]} for at, (_, text) in enumerate(texts(45))
    ]
    write_lines(tmp_path / "l.jsonl", noise)
    code, printed = calibrate("l.jsonl", "--policy", "llm/support")
    assert code == 1
    assert "the own model is not better than the general one" in printed.out
    assert not list(tmp_path.glob("*.yaml"))
    code, _ = calibrate("l.jsonl", "--policy", "llm/support", "--force")
    assert code == 0
    assert list(tmp_path.glob("*.yaml"))


@pytest.mark.parametrize(
    ("count", "change", "arguments", "sentence"),
    [
        (9, {}, (), "9 labels are too few to fit or judge anything; label at least 10, better 40: tierway label."),
        (
            12,
            {"Moderate": "Simple", "Complex": "simple"},
            (),
            "all 12 labels are Simple, so there is nothing to tell apart; label prompts of another class too.",
        ),
        (1, {}, (), "1 label is too few to fit or judge anything; label at least 10, better 40: tierway label."),
        (12, {}, ("--policy", "support"), "--policy support: expected NAMESPACE/NAME, as Kubernetes writes both."),
        (12, {}, ("--policy", "LLM/my_x"), "--policy LLM/my_x: expected NAMESPACE/NAME, as Kubernetes writes both."),
        (12, {}, ("--complex-share", "0"), "--complex-share 0: expected a number between 0 and 100."),
        (12, {}, ("--under-routing", "120"), "--under-routing 120: expected a number between 0 and 100."),
        (12, {}, ("--pool", "nowhere"), "nowhere: there is no such file or folder."),
        (12, {}, ("-o", "no/such.yaml"), "no/such.yaml: there is no folder no."),
    ],
)
def test_what_cannot_be_used_ends_it_with_one_sentence(calibrate, tmp_path, count, change, arguments, sentence):
    """On stderr, with a code, and nothing written."""
    labelled(tmp_path / "l.jsonl", count, **change)
    code, printed = calibrate("l.jsonl", "--policy", "llm/support", *arguments)
    assert (code, printed.err) == (1, f"Error: {sentence}\n")
    assert not list(tmp_path.glob("*.yaml"))


@pytest.mark.parametrize("command", ["label", "calibrate"])
def test_without_numpy_it_says_what_to_install(command, monkeypatch, capsys):
    """The plain installation has none, because no proxy needs it."""
    for name in [name for name in sys.modules if name.startswith("tierway_cli.own_model")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "numpy", None)
    with pytest.raises(SystemExit) as ended:
        main([command, "x"])
    assert ended.value.code == 2
    told = f"tierway {command} needs numpy: {sys.executable} -m pip install numpy\n"
    assert capsys.readouterr().err == told


def test_the_model_is_the_only_key(calibrate, tmp_path):
    """Nothing else travels with it."""
    labelled(tmp_path / "l.jsonl", 36)
    calibrate("l.jsonl", "--policy", "llm/support", "-o", "m.yaml")
    data = yaml.safe_load((tmp_path / "m.yaml").read_text())["data"]
    assert list(data) == [KEY]
    assert json.loads(data[KEY])["labels"] == 36
