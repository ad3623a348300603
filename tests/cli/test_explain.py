"""`tierway explain`: what would become of a request, told before it is sent, by the proxy's own decision."""

import io
import json
import re
import shlex
from base64 import b64encode
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from tests.operator.folders import write
from tests.operator.worlds import model_map, model_text
from tierway_cli.__main__ import main
from tierway_cli.explain.model import boundaries
from tierway_proxy.contract.base import CLASSES
from tierway_proxy.contract.own_model import GENERAL
from tierway_proxy.contract.table import Classifier
from tierway_proxy.core.classify import classify, examine, features

QUICKSTART = Path(__file__).parents[2] / "examples" / "quickstart"
HELLO = {"messages": [{"role": "user", "content": "Say hello."}]}
PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
SIMPLE, COMPLEX = ("-H", "X-Tierway-Class: Simple"), ("-H", "x-tierway-class: complex")


@pytest.fixture
def explain(capsys):
    """Run it; the lines that it printed."""

    def run(*arguments, status=0):
        assert main(["explain", *map(str, arguments)]) == status
        printed = capsys.readouterr()
        assert printed.err == "" or status
        return printed.err if status else printed.out

    return run


@pytest.fixture
def body(tmp_path):
    """A file with a chat-completions body."""

    def saved(**fields):
        path = tmp_path / "request.json"
        path.write_text(json.dumps({**HELLO, **fields}))
        return path

    return saved


def fact(text, name):
    return next(line.partition(":")[2].strip() for line in text.splitlines() if line.startswith(f"{name}:"))


def rows(text):
    """The cells of the table at the end, by its header."""
    lines = text.splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith(("TURN", "PRESET", "LINE")))
    names = lines[start].split()
    places = [lines[start].index(name) for name in names] + [None]
    table = [line for line in lines[start + 1 :] if line.strip()]
    cut = [[line[a:b].strip() for a, b in pairwise(places)] for line in table]
    return [dict(zip(names, cells, strict=True)) for cells in cut]


class TestWithoutAPolicy:
    """With nothing installed and nothing written."""

    def test_the_class_is_told_with_all_that_led_to_it(self, explain):
        """As the proxy's classifier says it."""
        ask = classify(HELLO, examine(HELLO))
        text = explain("Say hello.")
        assert fact(text, "Class") == f"{ask.klass}, confidence {ask.confidence:.2f}"
        shares = zip(CLASSES, ask.probabilities, strict=True)
        assert fact(text, "Probability") == ", ".join(f"{klass} {share:.2f}" for klass, share in shares)
        assert fact(text, "Reasons") == ask.reasons[0]
        assert fact(text, "Model").startswith("general (")
        assert fact(text, "Tokens") == f"about {ask.input_tokens} in"

    def test_each_preset_is_told_with_its_boundaries(self, explain):
        """Which one to choose is the question that follows."""
        found = rows(explain("Say hello."))
        assert [each["PRESET"] for each in found] == ["Balanced", "Safe", "Thrifty"]
        least = [boundaries(Classifier(preset=each["PRESET"])) for each in found]
        assert [each["COMPLEX-FROM"] for each in found] == [f"{each.complex:.2f}" for each in least]
        asks = [classify(HELLO, examine(HELLO), Classifier(preset=each["PRESET"])) for each in found]
        assert [each["CLASS"] for each in found] == [each.klass for each in asks]

    def test_nothing_is_written(self, explain, tmp_path, monkeypatch):
        """Neither here nor into a folder that is read."""
        monkeypatch.chdir(tmp_path)
        (tmp_path / "yaml").mkdir()
        for file in QUICKSTART.iterdir():
            (tmp_path / "yaml" / file.name).write_bytes(file.read_bytes())
        before = sorted(tmp_path.rglob("*"))
        explain("Say hello.")
        explain("Say hello.", "-d", "yaml")
        assert sorted(tmp_path.rglob("*")) == before


class TestByAPolicy:
    """With what every model of it would cost, and why the one gets it and not the others."""

    def test_the_first_of_the_route_is_who_it_is_sent_to(self, explain):
        """The others of the route follow when it fails, in their order; the rest stands below."""
        found = rows(explain("hi", "-d", QUICKSTART, *COMPLEX))
        assert [(each["TURN"], each["TIER"], each["MODEL"], each["WHY"]) for each in found[:2]] == [
            ("1-2", "llm/mid-range", "deepseek-v4-pro", "sent here"),
            ("3-4", "llm/premium", "glm-5", "when those before it fail"),
        ]
        assert {(each["TURN"], each["WHY"]) for each in found[2:]} == {("-", "not on the route of Complex")}
        assert len(found) == 8

    def test_endpoints_of_the_proxies_region_come_first(self, explain):
        """As `proxy.region` of the chart has it: among those of one price."""
        found = [rows(explain("hi", "-d", QUICKSTART, *SIMPLE, *flags))[0]["PROVIDERS"] for flags in [
            (), ("--region", "ap-southeast"), ("--region", "nowhere"),
        ]]  # fmt: skip
        assert found == ["us, asia", "asia, us", "us, asia"]

    @pytest.mark.parametrize(
        ("caller", "decision"),
        [
            ((), "Simple: "),
            (("--caller", "legal/assistant"), "rule known"),
            (("--caller", "batch/nightly"), "rule known"),
            (("--caller", "legal"), "Simple: "),
        ],
    )
    def test_rules_are_for_whom_they_name(self, explain, for_some, caller, decision):
        """A ServiceAccount has a namespace, a static key has none."""
        text = explain("Say hello.", "-d", for_some, *caller)
        assert fact(text, "Decision").startswith(decision)
        assert ("these rules match nobody: known-namespaces, known-callers." in text) == (caller == ())

    def test_machines_read_who_asks_and_which_rules_need_somebody(self, explain, for_some):
        """As a proxy says it."""
        unknown, known = (
            json.loads(explain("Say hello.", "-d", for_some, "-o", "json", *caller))
            for caller in ((), ("--caller", "web/frontend"))
        )
        assert (known["caller"], known["note"]) == ("web/frontend", None)
        assert unknown["caller"] is None
        assert unknown["note"].startswith("No caller is known (--caller names none)")

    @pytest.fixture
    def for_some(self, tmp_path):
        """A folder with the quickstart's policy and rules for some callers."""
        policy = yaml.safe_load((QUICKSTART / "policy-default.yaml").read_text())
        rules = [
            {"name": f"known-{what}", "match": {what: [name]}, "use": {"class": "Complex"}}
            for what, name in (("namespaces", "legal"), ("callers", "batch/nightly"))
        ]
        tiers = [yaml.safe_load(file.read_text()) for file in QUICKSTART.glob("tier-*.yaml")]
        write(tmp_path / "all.yaml", {**policy, "spec": {**policy["spec"], "rules": rules}}, *tiers)
        return tmp_path

    def test_costs_are_tokens_times_prices(self, explain, body):
        """Of a million tokens in and half a million out, by a price list that one can read."""
        text = explain("-f", body(messages=[{"role": "user", "content": "x" * 400_000}]), "-d", QUICKSTART, *COMPLEX)
        count = int(fact(text, "Tokens").split()[1])
        first, *others = (each["COST"] for each in rows(text))
        assert first == f"${(count * 260_000 + 500 * 780_000) / 10**12:.4f}"
        assert {each.index(".") for each in others} == {2}
        assert {len(each) for each in others} == {len(first)}

    @pytest.mark.parametrize(
        ("flags", "fields", "said", "output"),
        [
            ([], {}, "500 out (assumed: the request sets no max_tokens)", "500"),
            ([], {"max_tokens": 70}, "70 out (the request's limit, so at most that)", "70"),
            (["--output-tokens", "90"], {"max_tokens": 70}, "90 out (as told)", "90"),
            ([], {"max_tokens": 70_000}, "70000 out (the request's limit, so at most that)", "8192"),
        ],
    )
    def test_the_length_of_the_answer_is_said_with_whose_word_it_is(self, explain, body, flags, fields, said, output):
        """What a model can give at most is not exceeded."""
        text = explain("-f", body(**fields), "-d", QUICKSTART, *COMPLEX, *flags)
        assert fact(text, "Tokens").endswith(said)
        assert rows(text)[0]["OUT"] == output

    def test_whoever_cannot_serve_it_says_why(self, explain, body):
        """As `POST /v1/route` does."""
        fields = {"messages": [{"role": "user", "content": [PICTURE]}]}
        text = explain("-f", body(**fields), "-d", QUICKSTART, *SIMPLE)
        found = {each["MODEL"]: each for each in rows(text)}
        assert (found["qwen3.5-27b"]["WHY"], found["qwen3.5-27b"]["TURN"]) == ("sent here", "1-2")
        assert (found["qwen3-8b"]["WHY"], found["qwen3-8b"]["TURN"]) == ("lacks Vision", "-")
        assert "no model of the Simple route can serve it" in fact(text, "Decision")
        found = rows(explain("-f", body(**fields), "-d", QUICKSTART, *COMPLEX))
        assert [(each["TURN"], each["MODEL"], each["WHY"]) for each in found[:2]] == [
            ("1-2", "glm-5", "sent here"),
            ("-", "deepseek-v4-pro", "lacks Vision"),
        ]

    def test_what_a_pin_or_a_rule_decides_is_not_told_as_the_classifiers(self, explain, body):
        """It would have said something, and that is told too."""
        text = explain("-f", body(model="glm-5"), "-d", QUICKSTART)
        assert fact(text, "Class").startswith("none; the classifier, which is not asked, would say ")
        assert fact(text, "Decision") == "pinned to model glm-5"
        assert {each["WHY"] for each in rows(text)} == {"sent here", "not asked for"}
        text = explain("-f", body(messages=[{"role": "user", "content": "x " * 60_000}]), "-d", QUICKSTART)
        assert fact(text, "Class").startswith("Complex; the classifier, which is not asked,")
        assert fact(text, "Decision") == "rule long-documents"

    def test_a_request_that_would_be_refused_is_explained_as_refused(self, explain, body):
        """With the status and the sentence that its caller would get."""
        text = explain("-f", body(model="gpt-9"), "-d", QUICKSTART)
        assert fact(text, "Refused").startswith("404 model_not_found: The model 'gpt-9' does not exist")
        assert {each["TURN"] for each in rows(text)} == {"-"}

    def test_a_model_that_was_taken_out_says_so(self, explain, tmp_path):
        """And the next one gets the request, although neither has a key here."""
        for file in QUICKSTART.glob("*-*.yaml"):
            (tmp_path / file.name).write_text(file.read_text())
        (tmp_path / "provider-keys.yaml").unlink()
        tier = tmp_path / "tier-mid-range.yaml"
        tier.write_text(
            tier.read_text().replace("  - name: deepseek-v4-pro", "  - name: deepseek-v4-pro\n    state: Disabled")
        )
        found = {each["MODEL"]: each for each in rows(explain("hi", "-d", tmp_path, *COMPLEX))}
        assert found["deepseek-v4-pro"]["WHY"] == "Model deepseek-v4-pro of tier llm/mid-range is disabled."
        assert found["glm-5"]["WHY"] == "sent here"

    def test_another_policy_is_named(self, explain):
        """Else it is the one that `/v1` means: the only one, or the only one called default."""
        assert fact(explain("hi", "-d", QUICKSTART), "Policy") == "llm/default"
        assert fact(explain("hi", "-d", QUICKSTART, "--policy", "llm/legal-finance"), "Policy") == "llm/legal-finance"

    def test_a_policys_own_boundaries_and_model_are_told_as_its_own(self, explain, tmp_path):
        """By the name of its ConfigMap and the number of its labels."""
        for file in QUICKSTART.glob("tier-*.yaml"):
            (tmp_path / file.name).write_text(file.read_text())
        policy = yaml.safe_load((QUICKSTART / "policy-default.yaml").read_text())
        least = {"moderatePercent": 31, "complexPercent": 42}
        policy["spec"]["classifier"] = {
            "modelRef": {"name": "support"},
            "boundaries": least,
            "onUncertain": "AsClassified",
        }
        figures = features(HELLO, examine(HELLO)).structure
        model = model_text(structure=b64encode(bytes(2 * len(figures))).decode())
        write(tmp_path / "policy.yaml", policy, model_map("support", **{"model.json": model}))
        text = explain("hi", "-d", tmp_path)
        assert fact(text, "Model") == f"support, the policy's own of 40 labels, over {GENERAL}"
        assert (
            fact(text, "Boundaries") == "the policy's own: more than Simple from 0.31, Complex from 0.42; as classified"
        )


class TestSeveral:
    """A file with a request in each line."""

    @pytest.fixture
    def lines(self, tmp_path):
        path = tmp_path / "requests.jsonl"
        recorded = {"time": "2026-11-24T12:00:00Z", "request": HELLO}
        requests = [HELLO, {**HELLO, "model": "glm-5"}, recorded, {**HELLO, "model": "gpt-9"}]
        path.write_text("\n".join(json.dumps(each) for each in requests) + "\n\n")
        return path

    def test_each_has_a_line_and_all_have_a_sum(self, explain, lines):
        """Whom it goes to, and what that costs."""
        text = explain("-f", lines, "-d", QUICKSTART)
        *found, total = rows(text)
        assert [each["LINE"] for each in found] == ["1", "2", "3", "4"]
        assert (found[1]["CLASS"], found[1]["SENT-TO"]) == ("-", "llm/premium/glm-5")
        assert found[0]["SENT-TO"] == found[2]["SENT-TO"]
        assert (found[3]["SENT-TO"], found[3]["COST"]) == ("refused (model_not_found)", "-")
        assert total["LINE"].startswith("4 req")
        assert "for 3 of them" in text.splitlines()[-1]

    def test_without_a_policy_each_has_its_class(self, explain, lines):
        """And no column about money."""
        *found, _ = rows(explain("-f", lines))
        assert [list(each) for each in found] == [["LINE", "CLASS", "SIMPLE", "MODERATE", "COMPLEX", "REASON"]] * 4

    def test_json_is_a_line_each(self, explain, lines):
        """For `jq`, with the line that each stood in."""
        found = [json.loads(line) for line in explain("-f", lines, "-d", QUICKSTART, "-o", "json").splitlines()]
        assert [each["line"] for each in found] == [1, 2, 3, 4]
        assert found[3]["refused"]["status"] == 404


class TestJSON:
    """For machines: what `POST /v1/route` answers, and more."""

    def test_it_has_the_decision_the_classifier_and_the_costs(self, explain):
        """Money is exact."""
        found = json.loads(explain("hi", "-d", QUICKSTART, *COMPLEX, "-o", "json"))
        assert (found["policy"], found["class"], found["reason"]) == (
            "llm/default", "Complex", "Complex: the caller's X-Tierway-Class",
        )  # fmt: skip
        assert [each["model"] for each in found["candidates"][::2]] == ["deepseek-v4-pro", "glm-5"]
        classifier = found["classifier"]
        assert (classifier["model"], classifier["decides"], classifier["preset"]) == ("general", False, "Balanced")
        first = found["costs"][0]
        assert (first["turn"], first["providers"], first["why"]) == (1, ["us", "asia"], None)
        assert float(first["cost_usd"]) == pytest.approx((found["input_tokens"] * 0.26 + 500 * 0.78) / 10**6)
        assert found["assumed"] == {"output_tokens": 500, "said_by": "default"}

    def test_without_a_policy_it_has_the_class_by_each_preset(self, explain):
        """And nothing that only a policy could say."""
        found = json.loads(explain("hi", "-o", "json"))
        assert set(found) == {"classifier", "presets", "input_tokens"}
        assert found["presets"]["Balanced"] == found["classifier"]["class"]


class TestInput:
    """What cannot be explained is refused in a sentence that says where it is wrong."""

    def test_standard_input_is_a_file_too(self, explain, monkeypatch):
        """By the name that everybody knows, also with the mark that some editors put in front."""
        source = io.TextIOWrapper(io.BytesIO(b"\xef\xbb\xbf" + json.dumps(HELLO, indent=1).encode()))
        monkeypatch.setattr("sys.stdin", source)
        assert explain("-f", "-") == explain("Say hello.")

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("", "is empty"),
            ("{", "the body is not JSON"),
            ("kind: ModelTier", "the body is not a JSON object"),
            ('{"model": "auto"}', "'messages' must be a non-empty list."),
            ('{"messages": []}', "'messages' must be a non-empty list."),
            ('{"messages": [{}]}\n\n{"messages": [}', "line 3: the body is not JSON"),
            ('{"messages": [{}]}\n{"model": "auto"}', "line 2: 'messages' must be"),
        ],
    )
    def test_a_file_that_holds_no_request(self, explain, tmp_path, text, said):
        """With its name, and the line of those with several."""
        (tmp_path / "a.json").write_text(text)
        told = explain("-f", tmp_path / "a.json", status=1)
        assert told.startswith(f"Error: {tmp_path / 'a.json'}")
        assert said in told

    def test_a_file_that_is_not_there(self, explain, tmp_path):
        """No traceback."""
        assert (
            explain("-f", tmp_path / "no", status=1)
            == f"Error: {tmp_path / 'no'} cannot be read: No such file or directory.\n"
        )

    @pytest.mark.parametrize("given", [(), ("hi", "-f", "a.json")])
    def test_a_prompt_or_a_file_and_not_both(self, explain, given):
        """Which of them was meant is not guessed."""
        assert "either a prompt, or -f" in explain(*given, status=1)

    def test_a_policy_without_its_folder(self, explain):
        """There is no cluster to ask."""
        assert "--policy wants -d" in explain("hi", "--policy", "llm/default", status=1)

    def test_a_folder_that_is_none(self, explain, tmp_path):
        """Misspelt, mostly."""
        assert "is no folder" in explain("hi", "-d", tmp_path / "no", status=1)

    def test_a_policy_that_is_not_there(self, explain):
        """Those that are there are named."""
        told = explain("hi", "-d", QUICKSTART, "--policy", "llm/no", status=1)
        assert "there is no RoutingPolicy llm/no" in told
        assert "llm/default, llm/legal-finance" in told

    def test_several_policies_of_which_none_is_the_default(self, explain, tmp_path):
        """Named, to choose from."""
        policy = yaml.safe_load((QUICKSTART / "policy-default.yaml").read_text())
        both = [{**policy, "metadata": {"namespace": "llm", "name": name}} for name in ("a", "b")]
        write(tmp_path / "all.yaml", *both)
        assert "name one with --policy: llm/a, llm/b." in explain("hi", "-d", tmp_path, status=1)

    def test_a_folder_without_a_policy_says_what_may_be_the_cause(self, explain, tmp_path):
        """A file that is broken, a kind that is misspelt."""
        assert "there is no RoutingPolicy" in explain("hi", "-d", tmp_path, status=1)
        (tmp_path / "broken.yaml").write_text("kind: RoutingPolicy\nmetadata: {name: a\n")
        policy = (QUICKSTART / "policy-default.yaml").read_text().replace("kind: RoutingPolicy", "kind: RoutingPolcy")
        (tmp_path / "strange.yaml").write_text(policy)
        told = explain("hi", "-d", tmp_path, status=1)
        assert "broken.yaml, line" in told
        assert "did you mean RoutingPolicy of tierway.dev/v1alpha1?" in told

    def test_a_policy_that_would_not_be_served(self, explain, tmp_path):
        """Not valid, or in want of a tier: in the operator's words."""
        write(tmp_path / "all.yaml", yaml.safe_load((QUICKSTART / "policy-default.yaml").read_text()))
        assert "llm/default is refused: spec.routes[Simple]" in explain("hi", "-d", tmp_path, status=1)
        broken = (QUICKSTART / "policy-default.yaml").read_text().replace("class: Moderate", "class: Middling")
        (tmp_path / "all.yaml").write_text(broken)
        assert "llm/default is not valid: all.yaml: spec.routes" in explain("hi", "-d", tmp_path, status=1)

    @pytest.mark.parametrize("flags", [["-H", "no header"], ["--output-tokens", "0"]])
    def test_a_flag_that_means_nothing(self, capsys, flags):
        """Argparse's words, and no traceback."""
        with pytest.raises(SystemExit):
            main(["explain", "hi", *flags])
        assert "argument" in capsys.readouterr().err


def test_what_the_documentation_shows_is_what_is_printed(explain, monkeypatch):
    """Every command of it runs, and what it prints has the shown parts; figures and reasons are the classifier's."""
    monkeypatch.chdir(QUICKSTART.parents[1])
    text = Path("docs/explain.md").read_text()
    blocks = re.findall(r"^```console\n\$ tierway explain (.*?)\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 4
    for command, shown in blocks:
        printed = explain(*shlex.split(command))
        parts = [re.findall(r"^(?:[A-Z][a-z]+:|[A-Z][-A-Z0-9 ]+$)", text, re.MULTILINE) for text in (shown, printed)]
        assert [" ".join(each.split()) for each in parts[0]] == [" ".join(each.split()) for each in parts[1]]
