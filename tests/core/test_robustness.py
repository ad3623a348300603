"""Nothing that an upstream can say breaks a request: it ends, and the books are kept."""

from hypothesis import example, given
from hypothesis import strategies as st

from tests.core.script import Life
from tests.core.tables import model
from tests.core.wire import DONE, JSON, ROLE, STOP, chunk, completion, error, event, text, usage
from tierway_proxy.core import outcome

LEAF = st.none() | st.booleans() | st.integers(-1, 3) | st.sampled_from(["", "x", "stop", 1.5])
ANY = st.recursive(
    LEAF, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("abc"), inner, max_size=2)
)
DELTAS = st.dictionaries(
    st.sampled_from(["role", "content", "tool_calls", "function_call", "refusal", "reasoning", "audio", "name"]),
    ANY,
    max_size=3,
)
CALLS = st.lists(
    st.fixed_dictionaries({}, optional={"index": LEAF, "id": LEAF, "type": LEAF, "function": DELTAS | ANY}) | ANY,
    max_size=2,
)
CHOICES = st.fixed_dictionaries(
    {},
    optional={
        "index": ANY,
        "delta": DELTAS | st.builds(lambda calls: {"tool_calls": calls}, CALLS) | ANY,
        "message": DELTAS | ANY,
        "text": ANY,
        "finish_reason": ANY,
        "logprobs": ANY | st.dictionaries(st.sampled_from(["content", "refusal"]), ANY),
    },
)
CHUNKS = st.fixed_dictionaries(
    {},
    optional={
        "id": ANY,
        "choices": st.lists(CHOICES | ANY, max_size=3) | ANY,
        "usage": ANY
        | st.dictionaries(st.sampled_from(["prompt_tokens", "completion_tokens", "prompt_tokens_details"]), ANY),
        "error": ANY,
        "object": ANY,
    },
)
SAID = (
    CHUNKS.map(event)
    | ANY.map(event)
    | st.sampled_from([ROLE, STOP, DONE, text("Hi"), usage(1, 1), error(), b": x\n\n"])
)


def outlived(life, said):
    """Everything is said to whoever is open, and then the request must come to its end."""
    life.start()
    for step in range(200):
        if life.over:
            return life
        if not life.is_open:
            life.wait(1)
        elif step < len(said):
            life.says(said[step]) if life.exchange.attempts[-1].status else life.head().says(said[step])
        else:
            life.lost(outcome.LOST)
    raise AssertionError("it never ended")


@given(st.lists(SAID, max_size=8), st.booleans())
@example(
    [chunk({"content": "x"}, index=1), event({"choices": [{"index": None, "delta": {"content": "x"}}]}), STOP, DONE],
    True,
)
@example([event({"choices": [{"index": [], "delta": {"content": "x"}}]}), STOP, DONE], True)
@example([chunk({"tool_calls": "x"}), STOP, DONE], True)
@example([chunk({"tool_calls": [7]}), STOP, DONE], True)
@example([event({"choices": [{"message": "x", "delta": {"content": "x"}}]}), STOP, DONE], True)
def test_a_stream_of_anything_ends(said, json_client):
    """In an answer, in a refusal or in a cut: the request is settled, whatever its chunks are made of."""
    life = outlived(Life("a", model("b", max_output_tokens=2), json_client=json_client), said)
    assert life.settled.cost >= 0
    assert life.begun or life.refusal
    assert life.health.under_way("llm/a/p") == life.health.under_way("llm/b/p") == 0


@given(
    st.binary(max_size=30) | CHUNKS.map(lambda value: event(value)[6:]),
    st.sampled_from([200, 201, 302, 400, 404, 429, 500]),
)
def test_a_body_of_anything_ends(body, status):
    """The same of answers that are no stream."""
    life = Life("a", "b", json_client=True, upstream="AsRequested", delay_ms=0).start()
    life.head(status, JSON)
    life.says(*[body] if body else []).end()
    if not life.over:
        life.head(200, JSON).says(completion()).end()
    assert life.settled.cost >= 0
    assert life.begun or life.refusal


STEPS = st.sampled_from(
    ["head", "error", "role", "text", "stop", "done", "end", "lost", "refused", "wait", "long", "leave"]
)


@given(st.lists(STEPS, max_size=25), st.booleans(), st.sampled_from([None, 1, 2]))
def test_any_order_of_events_keeps_to_what_a_client_can_be_sent(steps, json_client, most):
    """`Life` holds every command to it; at the end each attempt is in the books, and none is under way."""
    life = Life(
        model("a", ttft=250), model("b", ttft=250), "c", json_client=json_client, max_attempts=most, first_token_ms=3000
    )
    life.start()
    for step in steps:
        if life.over:
            break
        play(life, step)
    if not life.over:
        life.client_leaves()
    assert [each.candidate.model for each in life.settled.attempts] == life.tried
    assert sum(each.reason is None for each in life.settled.attempts) <= 1
    assert all(life.health.under_way(f"llm/{name}/p") == 0 for name in "abc")


def play(life, step):
    """A step that the wire could not make now is passed over."""
    answered = bool(life.exchange.attempts[-1].status)
    if step in ("wait", "long", "leave"):
        {"wait": lambda: life.wait(0.25), "long": lambda: life.wait(5), "leave": life.client_leaves}[step]()
    elif not life.is_open:
        return
    elif not answered:
        {
            "head": life.head,
            "error": lambda: life.refuses(503),
            "lost": lambda: life.lost(outcome.LOST),
            "refused": lambda: life.lost(outcome.REFUSED),
        }.get(step, lambda: None)()
    elif step in ("role", "text", "stop", "done"):
        life.says({"role": ROLE, "text": text("Hi"), "stop": STOP, "done": DONE}[step])
    elif step in ("end", "lost"):
        {"end": life.end, "lost": lambda: life.lost(outcome.LOST)}[step]()
