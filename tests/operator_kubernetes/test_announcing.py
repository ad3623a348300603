"""Which written statuses a user is told of by an Event."""

from re import fullmatch

from tierway_operator.claims import Record
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
        name = body["metadata"].get("name")
        if name is not None and name in [event["metadata"].get("name") for _, event in self.created]:
            raise DeniedError(409, "already exists")
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


def held_by(holder, since="9:00"):
    """Namespace llm, by another release, since a time of day."""
    return {"llm": Record(holder, "10:00", 60.0, since)}


async def told_of(api, *each_held, ref=REF):
    """What an operator that starts now tells of an object, turn by turn."""
    announcer = Announcer(api, "op-1")
    for held in each_held:
        await announcer.left_alone([entry_of(ref)], held, "alpha/tw")


def notes(api):
    return [event["note"].split(";")[0].removeprefix("Namespace llm is held by release ") for _, event in api.created]


async def test_an_object_that_another_release_serves_is_told_once_a_holder():
    """At the first turn, not at each; again when it has changed hands, or went and came back."""
    api = Events()
    await told_of(
        api, held_by("beta/tw"), held_by("beta/tw"), held_by("gamma/tw", "9:10"), {}, held_by("beta/tw", "9:20")
    )
    assert notes(api) == ["beta/tw", "gamma/tw", "beta/tw"]
    (_, event) = api.created[0]
    assert (event["reason"], event["regarding"]["uid"]) == ("HeldByAnotherRelease", "uid-1")


async def test_a_restart_tells_nothing_twice_of_who_holds_a_namespace(caplog):
    """Its Event has a name of its own, and stands; what is new since is told."""
    api = Events()
    await told_of(api, held_by("beta/tw"))
    await told_of(api, held_by("beta/tw"), held_by("gamma/tw", "9:10"))
    await told_of(api, held_by("gamma/tw", "9:10"))
    await told_of(api, held_by("beta/tw", "9:20"))
    assert notes(api) == ["beta/tw", "gamma/tw", "beta/tw"]
    assert caplog.records == []


async def test_each_object_is_told_by_an_event_of_its_own():
    """One that was deleted and made again, too; and the names are such as an API server takes."""
    api = Events()
    names = (("default", "1"), ("default", "2"), ("x" * 199 + ".y", "3"))
    for name, uid in names:
        await told_of(api, held_by("beta/tw"), ref=Ref("RoutingPolicy", "llm", name, uid))
    assert [event["regarding"]["uid"] for _, event in api.created] == ["1", "2", "3"]
    assert all(fullmatch(r"[a-z]+\.[0-9a-f]{16}", event["metadata"]["name"]) for _, event in api.created)


def entry_of(ref):
    metadata = {"namespace": ref.namespace, "name": ref.name, "uid": ref.uid}
    return Entry({"kind": ref.kind, "metadata": metadata})
