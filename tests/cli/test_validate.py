"""`tierway validate` says what is wrong and where, and its code says whether."""

from pathlib import Path

import pytest

from tests.operator.folders import write
from tests.operator.worlds import model_map, model_text
from tierway_cli.__main__ import main

QUICKSTART = Path(__file__).parents[2] / "examples" / "quickstart"


def test_the_examples_are_valid(capsys):
    """Each object of the quickstart is named as valid, and the Secret beside them is passed over."""
    assert main(["validate", str(QUICKSTART)]) == 0
    printed = capsys.readouterr()
    assert printed.out.count(" is valid") == 6
    assert printed.err == ""


def test_a_refused_object_names_file_object_field_and_reason(tmp_path, capsys):
    """A wrong price is refused with all that one needs to find it."""
    text = (
        (QUICKSTART / "tier-budget.yaml").read_text().replace('outputPerMillionTokens: "', 'outputPerMillionTokens: "-')
    )
    (tmp_path / "tier.yaml").write_text(text)
    assert main(["validate", str(tmp_path)]) == 1
    line = capsys.readouterr().err.splitlines()[0]
    assert line.startswith(f"{tmp_path}/tier.yaml: ModelTier llm/budget: spec.models[0]")
    assert "price.outputPerMillionTokens" in line


def test_a_model_of_a_policys_classifier_is_judged_and_another_config_map_is_not(tmp_path, capsys):
    """By the operator's own sentence; certificates are somebody else's to judge."""
    write(tmp_path / "good.yaml", model_map(), model_map("ca", label=None, **{"ca.pem": "x"}))
    assert main(["validate", str(tmp_path)]) == 0
    assert capsys.readouterr().out == f"{tmp_path}/good.yaml: ConfigMap llm/support is valid\n"
    write(tmp_path / "old.yaml", model_map("old", **{"model.json": model_text(over="general-0")}))
    assert main(["validate", str(tmp_path)]) == 1
    sentence = capsys.readouterr().err
    assert sentence.startswith(f"{tmp_path}/old.yaml: ConfigMap llm/old: it was made over the general weights")
    assert "run tierway calibrate again" in sentence


def test_broken_yaml_names_the_line(tmp_path, capsys):
    """A file that is no YAML is refused with the line where it breaks."""
    (tmp_path / "broken.yaml").write_text("kind: ModelTier\nmetadata: {name: a\n")
    assert main(["validate", str(tmp_path / "broken.yaml")]) == 1
    assert "broken.yaml, line" in capsys.readouterr().err


def test_a_missing_file_is_a_sentence(tmp_path, capsys):
    """A path that is not there ends in a sentence, not in a traceback."""
    assert main(["validate", str(tmp_path / "none.yaml")]) == 1
    assert "No such file" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["standalone", "get", "validate", "provider", "proxy", "operator", "version"])
def test_every_command_has_help(command, capsys):
    """Each command of `tierway` can be asked what it takes."""
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    assert f"tierway {command}" in capsys.readouterr().out


def test_an_unknown_command_names_the_known_ones(capsys):
    """A typo is answered with the list of commands."""
    with pytest.raises(SystemExit) as ended:
        main(["standalon"])
    assert ended.value.code == 2
    assert "'standalone'" in capsys.readouterr().err
