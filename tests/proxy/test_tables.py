"""What a proxy serves: the last good table, whatever is published."""

import json
import logging
import stat
from pathlib import Path

import pytest

from tests.proxy.payloads import POLICY, state, table
from tierway_proxy.contract.base import digest
from tierway_proxy.core.classify.judge import judge
from tierway_proxy.shell.keeper import Keeper
from tierway_proxy.shell.tables import Tables

SOURCE = "tierway-table-1"


@pytest.fixture
def disk(tmp_path):
    return tmp_path / "kept"


@pytest.fixture
def tables(disk):
    return Tables(Keeper(disk))


def generation(tables):
    return tables.served[POLICY].table.generation


def test_a_good_table_is_served_under_the_hash_of_its_text(tables):
    """The hash is that of the text as it came, so that the operator can compare it with what it wrote."""
    text = table()
    tables.offer(SOURCE, text, state(sequence=4))
    served = tables.served[POLICY]
    assert (served.hash, served.state.sequence, served.refused) == (digest(text), 4, None)
    (loaded,) = tables.loaded()
    assert (loaded.policy, loaded.hash, loaded.generation, loaded.state_sequence) == (POLICY, digest(text), 1, 4)


@pytest.mark.parametrize(
    ("table_text", "state_text", "reason"),
    [
        (table(version=2), state(), "table.json: version 2 is not one that this proxy reads (1)"),
        (table(), state(version=2), "state.json: version 2 is not one that this proxy reads (1)"),
        (table(version=2, new_in_two=True), state(), "table.json: version 2 is not one that this proxy reads (1)"),
        (table(surprise=1), state(), "table.json: surprise: Extra inputs are not permitted"),
        (table(generation="two"), state(), "table.json: generation: "),
        (table()[:-5], state(), "table.json: text: Invalid JSON"),
        ("", "", "table.json: text: Invalid JSON"),
        ("[]", state(), "table.json: text: Input should be an object"),
        (table(), state(surprise=1), "state.json: surprise: Extra inputs are not permitted"),
        (table(), state(policy="llm/other"), "state.json: policy is 'llm/other', the table's is 'llm/default'"),
        (table(routes={}), state(), "table.json: routes.Simple: missing"),
        (
            table(routes={c: {"candidates": [{"tier": "llm/gone"}]} for c in ("Simple", "Moderate", "Complex")}),
            state(),
            "table.json: routes.Simple.candidates.0: tier 'llm/gone' is not in the table",
        ),
        (
            table(baseline={"tier": "llm/budget", "model": "huge"}),
            state(),
            "table.json: baseline: model 'huge' is not in tier 'llm/budget'",
        ),
        (
            table().replace('"provider": "us"', '"provider": "eu"'),
            state(),
            "table.json: tiers.llm/budget.models.small: provider 'eu' is not in the tier",
        ),
    ],
)
def test_a_bad_payload_never_replaces_a_good_one_and_says_why(tables, table_text, state_text, reason):
    """The old table serves on, under its own hash, and observations carry field and reason."""
    good = table(generation=1)
    tables.offer(SOURCE, good, state())
    tables.offer(SOURCE, table_text, state_text)
    served = tables.served[POLICY]
    assert served.hash == digest(good)
    assert served.refused is not None
    assert served.refused.startswith(reason)
    assert tables.loaded()[0].refused == served.refused


def test_weights_are_unpacked_when_a_table_is_loaded(tables):
    """It takes milliseconds, which the first request would wait for."""
    judge.cache_clear()
    tables.offer(SOURCE, table(), state())
    judge(tables.served[POLICY].table.classifier.model)
    assert (judge.cache_info().misses, judge.cache_info().hits) == (1, 1)


def test_a_refusal_ends_with_the_next_good_table(tables):
    """Also when that is the very table that was served before: the edit was taken back."""
    tables.offer(SOURCE, table(), state())
    tables.offer(SOURCE, "{", state())
    tables.offer(SOURCE, table(), state())
    assert tables.served[POLICY].refused is None


def test_a_refused_table_is_logged_once(tables, caplog):
    """The same bad payload comes back with every list and every resync."""
    with caplog.at_level(logging.ERROR):
        for _ in range(3):
            tables.offer(SOURCE, "{", state())
    assert len(caplog.records) == 1


def test_a_policy_that_never_had_a_good_table_is_reported_with_its_reason(tables):
    """Else nobody would learn why the policy is not programmed."""
    tables.offer(SOURCE, table(version=7), state())
    (loaded,) = tables.loaded()
    assert (loaded.policy, loaded.hash) == (POLICY, "")
    assert "version 7" in (loaded.refused or "")
    assert not tables.served


def test_no_value_of_a_header_is_repeated_in_a_refusal(tables):
    """A header's value may be a secret, and refusals go to logs and statuses."""
    bad = json.loads(table())
    bad["tiers"]["llm/budget"]["providers"]["us"]["headers"] = [{"name": "x-key", "value": ["hunter2"]}]
    tables.offer(SOURCE, json.dumps(bad), state())
    assert "hunter2" not in str(tables.loaded())
    assert "headers.0.value" in str(tables.loaded())


def test_whoever_holds_a_served_table_keeps_it_whole_through_a_swap(tables):
    """A request that started on the old table ends on it."""
    tables.offer(SOURCE, table(generation=1), state())
    held, mapping = tables.served[POLICY], tables.served
    tables.offer(SOURCE, table(generation=2), state())
    assert held.table.generation == 1
    assert mapping[POLICY] is held
    assert generation(tables) == 2


def test_listeners_hear_of_news_only(tables):
    """A new table, a new state and a withdrawal are news; the same payload again is not."""
    heard = []
    tables.on_change.append(heard.append)
    tables.offer(SOURCE, table(), state())
    tables.offer(SOURCE, table(), state())
    assert heard == [POLICY]
    tables.offer(SOURCE, table(), state(sequence=2))
    tables.withdraw(SOURCE)
    assert heard == [POLICY] * 3


def test_a_withdrawn_policy_leaves_memory_and_disk(tables, disk):
    """So that a restart does not bring it back."""
    tables.offer(SOURCE, table(), state())
    tables.withdraw(SOURCE)
    assert not tables.served
    restarted = Tables(Keeper(disk))
    restarted.restore()
    assert not restarted.served


def test_a_list_withdraws_whatever_it_does_not_name(tables):
    """Objects that were deleted while nobody watched are found to be gone by the next list."""
    tables.offer("a", table("llm/a"), state("llm/a"))
    tables.offer("b", table("llm/b"), state("llm/b"))
    tables.retain(["b"])
    assert list(tables.served) == ["llm/b"]


def test_a_policy_that_came_by_a_new_name_outlives_its_old_source(tables):
    """An operator that names its ConfigMaps differently writes the new one first and deletes the old one then."""
    tables.offer("old-name", table(generation=1), state())
    tables.offer("new-name", table(generation=2), state())
    tables.withdraw("old-name")
    assert generation(tables) == 2


def test_an_empty_list_is_ready(tables):
    """A release without policies works, and `helm install --wait` ends."""
    assert not tables.ready
    tables.retain([])
    assert tables.ready


def test_without_source_and_copy_a_proxy_is_not_ready(tables):
    """It would answer every request with 503."""
    tables.restore()
    assert not tables.ready


def test_a_restarted_proxy_serves_what_it_served_before(tables, disk):
    """Tables, state and keys come from disk while the source cannot be reached."""
    tables.offer_keys({"abc": "sk-1", "token": "t"})
    tables.offer(SOURCE, table(generation=3), state(sequence=9))
    restarted = Tables(Keeper(disk))
    restarted.restore()
    assert restarted.ready
    assert (generation(restarted), restarted.served[POLICY].state.sequence) == (3, 9)
    assert (restarted.keys, restarted.token) == ({"abc": "sk-1"}, "t")


def test_a_list_after_a_restart_withdraws_what_only_the_disk_remembered(tables, disk):
    """The copy of a policy that was deleted meanwhile is removed too."""
    tables.offer(SOURCE, table(), state())
    restarted = Tables(Keeper(disk))
    restarted.retain([])
    again = Tables(Keeper(disk))
    again.restore()
    assert not again.served


def test_only_good_payloads_are_kept(tables, disk):
    """What was refused does not come back from disk."""
    tables.offer(SOURCE, table(generation=1), state())
    tables.offer(SOURCE, "{", state())
    restarted = Tables(Keeper(disk))
    restarted.restore()
    assert generation(restarted) == 1


def test_kept_files_can_be_read_by_this_user_alone(tables, disk):
    """Provider keys are among them."""
    tables.offer_keys({"abc": "sk-1"})
    tables.offer(SOURCE, table(), state())
    files = [path for path in disk.rglob("*") if path.is_file()]
    assert len(files) == 2
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}


def test_a_damaged_copy_costs_only_itself(tables, disk):
    """A half-written file of an older version must not keep a proxy from starting."""
    tables.offer("a", table("llm/a"), state("llm/a"))
    tables.offer("b", table("llm/b"), state("llm/b"))
    kept = sorted((disk / "tables").iterdir())
    kept[0].write_text("{")
    (disk / "keys.json").write_text("no")
    restarted = Tables(Keeper(disk))
    restarted.restore()
    assert len(restarted.served) == 1


def test_what_could_not_be_kept_leaves_nothing_behind(disk, caplog):
    """Halves of files, one at each try, would fill a disk of memory: the pod's own."""
    (disk / "keys.json" / "in the way").mkdir(parents=True)
    Keeper(disk).keep_keys({"abc": "sk-1"})
    assert "no copy kept on disk" in caplog.text
    assert [each.name for each in disk.iterdir()] == ["keys.json"]


def test_a_disk_that_cannot_be_written_does_not_stop_the_service(tmp_path):
    """The copy is lost, the table is served."""
    blocked = tmp_path / "file"
    blocked.write_text("not a directory")
    tables = Tables(Keeper(Path(blocked)))
    tables.offer_keys({"abc": "sk-1"})
    tables.offer(SOURCE, table(), state())
    assert generation(tables) == 1
