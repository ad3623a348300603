"""`tierway validate` says what is wrong and where, and its code says whether."""

from pathlib import Path

import pytest

from tests.operator.folders import plain, write
from tests.operator.worlds import model_map, model_text, policy, provider, tier
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


def test_a_file_that_cannot_be_read_is_a_sentence_that_names_it_once(tmp_path, capsys):
    """Neither a traceback nor the path said twice."""
    assert main(["validate", str(tmp_path / "none.yaml")]) == 1
    assert capsys.readouterr().err == f"{tmp_path}/none.yaml cannot be read: No such file or directory.\n"
    (tmp_path / "binary.yaml").write_bytes(b"a: \xff")
    assert main(["validate", str(tmp_path)]) == 1
    assert capsys.readouterr().err == f"{tmp_path}/binary.yaml is not UTF-8 at byte 3.\n"


def test_a_file_that_is_given_twice_is_judged_once(capsys):
    """By itself and by its folder, however each is written."""
    file = QUICKSTART / "tier-budget.yaml"
    assert main(["validate", str(file), str(QUICKSTART), str(QUICKSTART / "../quickstart/tier-budget.yaml")]) == 0
    assert capsys.readouterr().out.count("ModelTier llm/budget is valid") == 1


def test_a_folder_in_which_there_is_nothing_says_so(tmp_path, capsys):
    """Silence would look like success, and the folder is probably another."""
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "secret.yaml").write_text((QUICKSTART / "provider-keys.yaml").read_text())
    assert main(["validate", str(tmp_path)]) == 1
    printed = capsys.readouterr()
    assert printed.err.startswith(f"There is nothing to validate in {tmp_path}: no object of tierway.dev")
    assert printed.out == ""


def test_what_a_policy_names_and_the_folder_lacks_is_told_and_no_fault(tmp_path, capsys):
    """It may be in the cluster; where a folder is served on its own there is nothing else."""
    keyed = provider(credentialRef={"name": "keys", "key": "api-key"})  # keys are seldom among files
    tiers = [plain(tier(name, providers=[keyed])) for name in ("cheap", "dear")]
    write(tmp_path / "all.yaml", *tiers, plain(policy(classifier={"modelRef": {"name": "support"}})))
    told = f"{tmp_path}/all.yaml: note: RoutingPolicy llm/default with these files alone: "
    assert main(["validate", str(tmp_path)]) == 0
    printed = capsys.readouterr()
    assert printed.out.count(" is valid\n") == 3
    missing = "spec.classifier.modelRef: there is no ConfigMap llm/support; create it with tierway calibrate"
    assert printed.err.startswith(told + missing)
    assert printed.err.endswith(" (it may exist in your cluster)\n")
    assert printed.err.count("\n") == 1
    write(tmp_path / "model.yaml", model_map())
    assert main(["validate", str(tmp_path)]) == 0
    assert capsys.readouterr().err == ""
    write(tmp_path / "all.yaml", plain(policy()))
    assert main(["validate", str(tmp_path)]) == 0
    assert capsys.readouterr().err.startswith(f"{told}spec.routes[Simple].candidates[0]: there is no ModelTier llm/")


def test_a_single_file_is_a_part_of_something(tmp_path, capsys):
    """What it names is somewhere else."""
    write(tmp_path / "policy.yaml", plain(policy(classifier={"modelRef": {"name": "support"}})))
    assert main(["validate", str(tmp_path / "policy.yaml")]) == 0
    assert capsys.readouterr().err == ""


def test_a_policy_that_is_refused_as_it_stands_is_told_once(tmp_path, capsys):
    """What else it would be refused for can be told when it can be read."""
    broken = policy(fallback={"maxAttempts": 0}, classifier={"modelRef": {"name": "support"}})
    write(tmp_path / "policy.yaml", plain(broken))
    assert main(["validate", str(tmp_path)]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith(f"{tmp_path}/policy.yaml: RoutingPolicy llm/default: spec.fallback.maxAttempts")


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (
            "kind: ModelTier",
            "kind: ModelTeir",
            "ModelTeir llm/budget: kind: ModelTeir of tierway.dev/v1alpha1 is not one of",
        ),
        (
            "tierway.dev/v1alpha1",
            "tierway.dev/v1",
            "ModelTier llm/budget: kind: ModelTier of tierway.dev/v1 is not one of",
        ),
        ("tierway.dev/v1alpha1", "tierwy.dev/v1alpha1", "ModelTier llm/budget: kind: ModelTier of tierwy.dev/v1alpha1"),
        (
            "tierway.dev/v1alpha1\nkind: ModelTier",
            "v1\nkind: ModelTeir",
            "did you mean ModelTier of tierway.dev/v1alpha1?",
        ),
    ],
)
def test_a_misspelt_kind_is_refused(tmp_path, capsys, before, after, said):
    """Nobody writes a kind that is nearly ours and means another's."""
    text = (QUICKSTART / "tier-budget.yaml").read_text()
    assert before in text
    (tmp_path / "tier.yaml").write_text(text.replace(before, after))
    assert main(["validate", str(tmp_path)]) == 1
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    "command", ["standalone", "get", "explain", "validate", "provider", "proxy", "operator", "version"]
)
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
