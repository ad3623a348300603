"""Who is let in: by a played API server and a clock that a test moves."""

import asyncio
import threading

import pytest

from tests.provider.wire import eventually
from tests.proxy.tokens import FRONTEND, NOW, ApiServer, Clock, bearer, token
from tierway_proxy.core.caller import Caller
from tierway_proxy.core.refusal import Refusal
from tierway_proxy.core.static_keys import StaticKeys
from tierway_proxy.shell.authentication import gate as module
from tierway_proxy.shell.authentication import questions
from tierway_proxy.shell.authentication.gate import Gate
from tierway_proxy.shell.authentication.memory import Memory

KEY = "a-key-of-sixteen-characters"


@pytest.fixture
def api():
    return ApiServer()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def gate(api, clock):
    return connected(Gate("tierway", clock=clock), api)


def connected(gate, api):
    gate.reviewer = api.review
    return gate


async def refusal(gate, text):
    found = await gate.admit(bearer(text))
    assert isinstance(found, Refusal), found
    return found


async def test_a_token_is_asked_about_once_a_minute(gate, api, clock):
    """And not at each request."""
    assert [await gate.admit(bearer(token())) for _ in range(3)] == [FRONTEND] * 3
    clock.now += 59
    await gate.admit(bearer(token()))
    assert len(api.asked) == 1
    clock.now += 1
    await gate.admit(bearer(token()))
    assert len(api.asked) == 2


async def test_a_token_in_use_is_asked_about_before_its_minute_ends_and_nobody_waits(gate, api, clock):
    """Once a minute a request would be as slow as the API server."""
    await gate.admit(bearer(token()))
    api.hold.clear()
    clock.now += 45
    async with asyncio.timeout(1):
        assert [await gate.admit(bearer(token())) for _ in range(3)] == [FRONTEND] * 3
    await eventually(lambda: len(api.asked) == 2)
    api.hold.set()
    await eventually(lambda: gate.reviews["Answered"] == 2)
    clock.now += 30
    await gate.admit(bearer(token()))
    assert len(api.asked) == 2


async def test_an_api_server_that_is_away_is_asked_at_most_once_a_second_about_who_is_due(gate, api, clock):
    """However many requests a caller sends meanwhile."""
    await gate.admit(bearer(token()))
    api.says = None
    clock.now += 50
    for _ in range(5):
        assert await gate.admit(bearer(token())) == FRONTEND
        await asyncio.sleep(0)
        await eventually(lambda: gate.reviews["Failed"] == 1)
    assert len(api.asked) == 2


async def test_many_requests_of_one_token_ask_once(gate, api):
    """A thousand streams that start together are one question."""
    api.hold.clear()
    waiting = [asyncio.create_task(gate.admit(bearer(token()))) for _ in range(20)]
    await eventually(lambda: api.asked)
    api.hold.set()
    assert await asyncio.gather(*waiting) == [FRONTEND] * 20
    assert len(api.asked) == 1


async def test_a_client_that_leaves_takes_the_answer_from_nobody(gate, api):
    """The question was asked for all who wait."""
    api.hold.clear()
    first, second = (asyncio.create_task(gate.admit(bearer(token()))) for _ in range(2))
    await eventually(lambda: api.asked)
    first.cancel()
    api.hold.set()
    assert await second == FRONTEND


async def test_a_refused_token_is_asked_about_again_after_five_seconds(gate, api, clock):
    """A ServiceAccount may have been made meanwhile."""
    api.says = "Nobody's."
    assert (await refusal(gate, token())).status == 401
    clock.now += 4
    assert "Nobody's." in (await refusal(gate, token())).message
    assert len(api.asked) == 1
    clock.now, api.says = clock.now + 1, FRONTEND
    assert await gate.admit(bearer(token())) == FRONTEND


@pytest.mark.parametrize(
    ("headers", "why"),
    [
        ([], "carries no API key"),
        (bearer("sk-unused"), "neither a ServiceAccount token nor a key"),
        (bearer(token(audience="vault")), "made for 'vault' and not for 'tierway'"),
        (bearer(token(ends=NOW)), "has expired"),
    ],
)
async def test_what_cannot_be_good_is_refused_unasked(gate, api, headers, why):
    """With how to get what is good."""
    found = await gate.admit(headers)
    assert (found.status, found.code, api.asked) == (401, "invalid_api_key", [])
    assert why in found.message
    assert "kubectl create token NAME --audience=tierway" in found.message


@pytest.mark.parametrize("more", [" x", " x.y.z", "\ts", "="])
async def test_a_good_token_with_something_behind_it_is_no_other_good_token(gate, api, more):
    """The API server reads to the first blank: one caller would be as many as he likes, and all others forgotten."""
    await gate.admit(bearer(token()))
    assert (await refusal(gate, token() + more)).status == 401
    assert api.asked == [token()]


async def test_an_api_server_that_is_away_costs_a_known_caller_nothing(gate, api, clock):
    """Until the token ends; nobody waits for the question that is asked meanwhile."""
    await gate.admit(bearer(token()))
    api.says = None
    clock.now += 120
    assert await gate.admit(bearer(token())) == FRONTEND
    api.hold.clear()  # from now on it does not even refuse
    clock.now += 120
    async with asyncio.timeout(1):
        assert await gate.admit(bearer(token())) == FRONTEND
    await eventually(lambda: len(api.asked) == 3)
    api.hold.set()
    clock.now = NOW + 3600
    assert (await refusal(gate, token())).status == 401


async def test_whoever_is_not_known_gets_503_while_nobody_can_be_asked(gate, api, clock):
    """Not 401: their key may well be good. It is asked for at most once a second, and works again at once."""
    api.says = None
    found = await refusal(gate, token("new"))
    assert (found.status, found.code, found.retry_after) == (503, "authentication_unavailable", 1)
    await refusal(gate, token("new"))
    await refusal(gate, token("newer"))
    assert len(api.asked) == 1
    clock.now, api.says = clock.now + 1, FRONTEND
    assert await gate.admit(bearer(token("new"))) == FRONTEND
    assert await gate.admit(bearer(token("newer"))) == FRONTEND


async def test_an_api_server_that_hangs_is_given_up(gate, api, monkeypatch):
    """The caller gets 503 and not silence."""
    monkeypatch.setattr(questions, "_REVIEW_SECONDS", 0.01)
    api.hold.clear()
    assert (await refusal(gate, token())).status == 503


async def test_behind_many_strangers_nobody_waits_longer_than_for_an_answer(gate, api, monkeypatch):
    """Who is known passes, others are told to come again."""
    await gate.admit(bearer(token()))
    monkeypatch.setattr(questions, "_REVIEW_SECONDS", 0.2)
    api.hold.clear()
    async with asyncio.timeout(1):  # ten rounds of them would be two seconds
        found = await asyncio.gather(*(gate.admit(bearer(token(f"stranger-{number}"))) for number in range(320)))
    assert {each.status for each in found} == {503}
    assert len(api.asked) < 100
    assert await gate.admit(bearer(token())) == FRONTEND


async def test_a_crowd_of_forged_tokens_is_no_outage_and_in_nobodys_way_who_is_known(gate, api, clock, monkeypatch):
    """Else whoever was revoked could, by sending them, keep the question about himself from being asked."""
    await gate.admit(bearer(token()))
    monkeypatch.setattr(questions, "_PLACE_SECONDS", 0.05)
    monkeypatch.setattr(module, "_KNOWN_SECONDS", 5)  # however slow this machine is
    clock.now += 61
    api.hold.clear()
    crowd = [asyncio.create_task(gate.admit(bearer(token(f"forged-{number}")))) for number in range(64)]
    await asyncio.wait(crowd, return_when=asyncio.FIRST_COMPLETED)
    assert {(await each).status for each in crowd if each.done()} == {503}
    known = asyncio.create_task(gate.admit(bearer(token())))
    await eventually(lambda: api.asked[-1] == token())
    api.says = "Nobody's."
    api.hold.set()
    assert (await known).status == 401
    await asyncio.gather(*crowd)
    assert gate.reviews["Failed"] == 0


async def test_whoever_is_known_waits_but_a_moment_for_an_api_server_that_hangs(gate, api, clock, monkeypatch):
    """Also before anybody knows that it hangs."""
    await gate.admit(bearer(token()))
    monkeypatch.setattr(module, "_KNOWN_SECONDS", 0.01)
    clock.now += 61
    api.hold.clear()
    async with asyncio.timeout(1):
        assert await gate.admit(bearer(token())) == FRONTEND
    api.says = "Gone."
    api.hold.set()  # what it says in the end still counts
    await eventually(lambda: gate.reviews["Answered"] == 2)
    assert (await refusal(gate, token())).status == 401


async def test_a_clock_that_is_set_back_during_an_outage_does_not_keep_it_up(gate, api, clock):
    """Nobody new would be let in for as long as it was set back."""
    api.says = None
    await refusal(gate, token())
    clock.now, api.says = clock.now - 1800, FRONTEND
    assert await gate.admit(bearer(token())) == FRONTEND


async def test_the_log_says_when_nobody_can_be_asked_and_when_they_can_again(gate, api, clock, caplog):
    """Once each, whoever calls meanwhile; and never a token."""
    caplog.set_level("INFO")
    api.says = None
    for _ in range(3):
        await refusal(gate, token())
        clock.now += 1
    api.says = FRONTEND
    await gate.admit(bearer(token()))
    assert [each.message for each in caplog.records] == [
        "callers' tokens cannot be reviewed",
        "callers' tokens are reviewed again",
    ]
    assert token() not in caplog.text + str([vars(each) for each in caplog.records])


async def test_who_is_revoked_is_out_within_a_minute_also_behind_an_outage(gate, api, clock):
    """The first answer after it counts."""
    await gate.admit(bearer(token()))
    api.says = None
    clock.now += 61
    await gate.admit(bearer(token()))
    api.says = "Gone."
    clock.now += 1
    assert await gate.admit(bearer(token())) == FRONTEND  # and asks
    await eventually(lambda: len(api.asked) == 3)
    assert (await refusal(gate, token())).status == 401


async def test_a_static_key_is_checked_here_and_gone_at_once(gate, api):
    """Nobody is asked about it."""
    keys, _ = StaticKeys.of({"batch": KEY})
    gate.take_keys(keys)
    assert await gate.admit(bearer(KEY)) == Caller("batch")
    gate.take_keys(StaticKeys({}))
    assert (await refusal(gate, KEY)).status == 401
    assert api.asked == []


async def test_a_restarted_proxy_serves_whom_it_served_while_nobody_can_be_asked(api, clock, tmp_path, monkeypatch):
    """From a file that holds no key."""
    monkeypatch.setattr(module, "_REMEMBER_SECONDS", 0)
    first = connected(Gate("tierway", Memory(tmp_path), clock), api)
    keys, _ = StaticKeys.of({"batch": KEY})
    first.take_keys(keys)
    await first.admit(bearer(token()))
    remembering = asyncio.create_task(first.remember())
    file = tmp_path / "callers.json"
    await eventually(lambda: file.exists() and "web/frontend" in file.read_text())
    remembering.cancel()
    assert file.stat().st_mode & 0o777 == 0o600
    assert KEY not in file.read_text()
    assert token() not in file.read_text()

    api.says = None
    second = connected(Gate("tierway", Memory(tmp_path), clock), api)
    assert await second.admit(bearer(token())) == FRONTEND
    assert await second.admit(bearer(KEY)) == Caller("batch")
    assert (await refusal(second, token("new"))).status == 503
    api.says = "Gone."
    clock.now += 1
    assert (await refusal(connected(Gate("tierway", Memory(tmp_path), clock), api), token())).status == 401


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"tokens": {"zz": {}}, "keys": {}}', '{"tokens": {}, "keys": {"a": "zz"}}']
)
async def test_a_file_that_cannot_be_read_stops_nobody(api, clock, tmp_path, text):
    """Half written by a full disk, or by another release."""
    (tmp_path / "callers.json").write_text(text)
    assert await connected(Gate("tierway", Memory(tmp_path), clock), api).admit(bearer(token())) == FRONTEND


async def test_what_changed_last_is_kept_when_a_proxy_ends(api, clock, tmp_path):
    """By SIGTERM, within a second of it."""
    first = connected(Gate("tierway", Memory(tmp_path), clock), api)
    remembering = asyncio.create_task(first.remember())
    await first.admit(bearer(token()))
    remembering.cancel()
    await asyncio.wait({remembering})
    api.says = None
    assert await connected(Gate("tierway", Memory(tmp_path), clock), api).admit(bearer(token())) == FRONTEND


class Slow(Memory):
    """Writes when it is let, unless it is asked to in the thread of the event loop."""

    def __init__(self, directory):
        super().__init__(directory)
        self.begun, self.let, self.written = threading.Event(), threading.Event(), 0

    def keep(self, lasting, digests):
        if threading.current_thread() is not threading.main_thread():
            self.begun.set()
            self.let.wait(5)
        super().keep(lasting, digests)
        self.written += 1


async def test_what_is_old_is_never_written_over_what_is_new(clock, tmp_path, monkeypatch):
    """A proxy that ends while it writes: a key that was taken away just then must not be good after the restart."""
    monkeypatch.setattr(module, "_REMEMBER_SECONDS", 0)
    memory = Slow(tmp_path)
    gate = Gate("tierway", memory, clock)
    keys, _ = StaticKeys.of({"batch": KEY})
    gate.take_keys(keys)
    remembering = asyncio.create_task(gate.remember())
    await eventually(memory.begun.is_set)
    gate.take_keys(StaticKeys({}))
    remembering.cancel()
    for _ in range(5):
        await asyncio.sleep(0)
    memory.let.set()
    await asyncio.wait({remembering})
    await eventually(lambda: memory.written == 2)
    assert Memory(tmp_path).recall() == ({}, {})


async def test_every_request_is_counted_by_what_was_found(gate, api):
    """And every question by whether it was answered."""
    await gate.admit(bearer(token()))
    await gate.admit(bearer(token()))
    await gate.admit([])
    api.says = None
    await gate.admit(bearer(token("new")))
    assert gate.outcomes == {"Accepted": 2, "Refused": 1, "Unavailable": 1}
    assert gate.reviews == {"Answered": 1, "Failed": 1}
