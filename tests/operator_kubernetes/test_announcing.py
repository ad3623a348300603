"""Which written statuses a user is told of by an Event."""

from tierway_operator.cluster.announcing import Announcer
from tierway_operator.cluster.api import DeniedError
from tierway_operator.store import Entry, Ref

REF = Ref("RoutingPolicy", "llm", "default", "uid-1")


class Events:
    def __init__(self, error=None):
        self.created, self._error = [], error

    async def create(self, path, body):
        if self._error:
            raise self._error
        self.created.append((path, body))


def status(accepted="True", reason="Accepted", message="", **more):
    condition = {"type": "Accepted", "status": accepted, "reason": reason, "message": message}
    return {"conditions": [condition]} | more


REFUSED = status("False", "RefNotPermitted", "tier shared/x does not allow namespace llm")


def entry(of_status):
    return Entry({"metadata": {"uid": REF.uid}, "status": of_status})


async def test_a_refused_edit_is_told_once_with_its_reason():
    """Where the object is, about the object, in the condition's own words."""
    api = Events()
    announcer = Announcer(api, "op-1")
    await announcer.status_written(REF, REFUSED)
    await announcer.status_written(REF, REFUSED | {"observedGeneration": 2})
    ((path, event),) = api.created
    assert path == "/apis/events.k8s.io/v1/namespaces/llm/events"
    assert (event["type"], event["reason"]) == ("Warning", "RefNotPermitted")
    assert event["note"] == "tier shared/x does not allow namespace llm"
    assert event["regarding"]["uid"] == REF.uid


async def test_another_reason_is_told_again():
    """It is other news."""
    api = Events()
    announcer = Announcer(api, "op-1")
    await announcer.status_written(REF, REFUSED)
    await announcer.status_written(REF, status("False", "RefNotFound", "no tier llm/gone"))
    assert [event["reason"] for _, event in api.created] == ["RefNotPermitted", "RefNotFound"]


async def test_what_the_status_already_says_is_not_told_again_after_a_restart():
    """A restart of the operator must not repeat the complaints of all tenants."""
    api = Events()
    announcer = Announcer(api, "op-1")
    announcer.remember([entry(REFUSED)])
    await announcer.status_written(REF, REFUSED)
    assert api.created == []


async def test_good_news_is_not_told():
    """The status says it."""
    api = Events()
    announcer = Announcer(api, "op-1")
    announcer.remember([entry(REFUSED)])
    await announcer.status_written(REF, status())
    assert api.created == []


async def test_a_lost_event_loses_nothing_else():
    """The status was written before."""
    await Announcer(Events(DeniedError(403, "no")), "op-1").status_written(REF, REFUSED)


async def test_a_long_message_is_cut_to_what_an_event_takes():
    """1,024 characters; the status has it whole."""
    api = Events()
    await Announcer(api, "op-1").status_written(REF, status("False", "Long", "x" * 5000))
    assert len(api.created[0][1]["note"]) == 1024


async def test_an_object_that_another_release_serves_is_told_once_a_holder():
    """At the first turn, not at each; again when it has changed hands, or went and came back."""
    api, mine = Events(), entry_of(REF)
    announcer = Announcer(api, "op-1")
    for elsewhere in ({"llm": "beta/tw"}, {"llm": "beta/tw"}, {"llm": "gamma/tw"}, {}, {"llm": "beta/tw"}):
        await announcer.left_alone([mine], elsewhere, "alpha/tw")
    told = [(event["reason"], event["regarding"]["uid"], event["note"].split(";")[0]) for _, event in api.created]
    assert told == [
        ("HeldByAnotherRelease", "uid-1", f"Namespace llm is held by release {holder}")
        for holder in ("beta/tw", "gamma/tw", "beta/tw")
    ]


def entry_of(ref):
    metadata = {"namespace": ref.namespace, "name": ref.name, "uid": ref.uid}
    return Entry({"kind": ref.kind, "metadata": metadata})
