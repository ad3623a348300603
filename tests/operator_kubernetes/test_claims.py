"""Two releases, one namespace: the claims of both over one API server, whose Leases are conditional on versions."""

import asyncio
import logging
from itertools import count

import pytest

from tierway_operator.claims import LEASE_SECONDS, LOOK_SECONDS, RENEW_SECONDS
from tierway_operator.cluster.api import DeniedError
from tierway_operator.cluster.claims import Claims
from tierway_operator.cluster.names import Release
from tierway_operator.store import Unreachable

LEASE = "/apis/coordination.k8s.io/v1/namespaces/llm/leases/tierway"
ALPHA, BETA = Release("tw", "alpha"), Release("tw", "beta")


class Server:
    """Leases and roles, as an API server keeps them. `journal`: what was written, in order."""

    def __init__(self):
        self.objects, self.journal, self.denied, self.away = {}, [], {}, False
        self.clock, self._versions = 0.0, count(1)
        for release in (ALPHA, BETA):
            path = f"/apis/rbac.authorization.k8s.io/v1/clusterroles/{release.role}"
            self.objects[path] = {"metadata": {"uid": f"uid-{release.namespace}"}}

    async def get(self, path, _query=None):
        self._answer("get", path)
        if path not in self.objects:
            raise DeniedError(404, "not found")
        return self.objects[path]

    async def create(self, path, body):
        path = f"{path}/{body['metadata']['name']}"
        self._answer("create", path)
        if path in self.objects:
            raise DeniedError(409, "already exists")
        return self._kept(path, body, body["spec"])

    async def merge(self, path, body):
        self._answer("patch", path)
        if path not in self.objects:
            raise DeniedError(404, "not found")
        before = self.objects[path]
        if before["metadata"]["resourceVersion"] != body["metadata"]["resourceVersion"]:
            raise DeniedError(409, "the object has been modified")
        return self._kept(path, body, before["spec"] | body["spec"])

    def holder(self):
        return self.objects[LEASE]["spec"]["holderIdentity"]

    def _answer(self, verb, path):
        if self.away:
            raise Unreachable(path)
        if verb in self.denied:
            raise DeniedError(403, self.denied[verb])

    def _kept(self, path, body, spec):
        # renewals differ, however fast they follow one another here
        version = str(next(self._versions))
        metadata = body["metadata"] | {"resourceVersion": version}
        self.objects[path] = {"metadata": metadata, "spec": spec | {"renewTime": version}}
        self.journal.append((spec["holderIdentity"], self.clock))
        return self.objects[path]


@pytest.fixture
def server():
    return Server()


class Operator:
    """The claims of one release; `changes` and `counts` are what it told."""

    def __init__(self, server, release, namespaces=()):
        self.changes, self.counts = 0, []
        self.claims = Claims(
            server, release, namespaces, changed=self._changed, count=self.counts.append, clock=lambda: server.clock
        )

    def _changed(self):
        self.changes += 1

    async def settled(self):
        await self.claims.settle(["llm"])
        return self.claims.elsewhere


async def passing(server, seconds, *operators):
    """Let time go by; these operators look as often as they do."""
    for _ in range(int(seconds / LOOK_SECONDS)):
        server.clock += LOOK_SECONDS
        for each in operators:
            await each.claims.look()


async def test_the_first_has_it_and_the_second_stays_out(server, caplog):
    """Told once in the log, with the release's name and what to do; counted; ours is not a word in it."""
    alpha, beta = Operator(server, ALPHA), Operator(server, BETA)
    assert await alpha.settled() == {}
    assert await beta.settled() == {"llm": "alpha/tw"}
    await passing(server, 600, alpha, beta)
    assert await alpha.settled() == {}
    assert await beta.settled() == {"llm": "alpha/tw"}
    assert (alpha.counts[-1], beta.counts[-1]) == (0, 1)
    (warning,) = [each.getMessage() for each in caplog.records if each.levelno == logging.WARNING]
    assert "Namespace llm is held by release alpha/tw; release beta/tw leaves its objects alone." in warning
    assert (alpha.changes, beta.changes) == (0, 1)
    assert {holder for holder, _ in server.journal} == {"alpha/tw"}


async def test_it_is_renewed_at_its_pace(server):
    """Three times in a Lease's life; a turn of the loop between renewals asks nobody."""
    alpha = Operator(server, ALPHA)
    for _ in range(24):
        await alpha.settled()
        await passing(server, LOOK_SECONDS, alpha)
    assert [at for _, at in server.journal] == [0.0, *(RENEW_SECONDS * each for each in range(1, 7))]


async def test_the_second_takes_over_within_a_leases_life_and_a_look(server):
    """After the first ended without a word."""
    alpha, beta = Operator(server, ALPHA), Operator(server, BETA)
    await alpha.settled()
    await beta.settled()
    await passing(server, 30, alpha, beta)
    ended = server.clock
    await passing(server, LEASE_SECONDS - RENEW_SECONDS, beta)
    assert beta.claims.elsewhere == {"llm": "alpha/tw"}
    await passing(server, RENEW_SECONDS + LOOK_SECONDS, beta)
    assert beta.claims.elsewhere == {}
    assert (server.holder(), beta.changes, beta.counts[-1]) == ("beta/tw", 2, 0)
    assert server.journal[-1][1] - ended <= LEASE_SECONDS + LOOK_SECONDS
    assert server.objects[LEASE]["spec"]["leaseTransitions"] == 1


async def test_a_deleted_lease_is_taken_at_the_next_look(server):
    """As the garbage collector does after an uninstall."""
    alpha, beta = Operator(server, ALPHA), Operator(server, BETA)
    await alpha.settled()
    await beta.settled()
    del server.objects[LEASE]
    await passing(server, LOOK_SECONDS, beta)
    assert server.holder() == "beta/tw"


async def test_a_restart_keeps_the_claim(server):
    """It is the release's and not the process's: the same name holds on, whoever looks meanwhile."""
    alpha, beta = Operator(server, ALPHA), Operator(server, BETA)
    await alpha.settled()
    await beta.settled()
    await passing(server, 30, beta)
    again = Operator(server, ALPHA)
    assert await again.settled() == {}
    await passing(server, 120, again, beta)
    assert {holder for holder, _ in server.journal} == {"alpha/tw"}


async def test_an_outage_moves_no_claim(server):
    """Who is back first has no advantage, and what was known stays known."""
    alpha, beta = Operator(server, ALPHA), Operator(server, BETA)
    await alpha.settled()
    await beta.settled()
    server.away = True
    for _ in range(60):
        for each in (alpha, beta):
            server.clock += RENEW_SECONDS
            with pytest.raises(Unreachable):
                await each.claims.look()
    assert (alpha.claims.elsewhere, beta.claims.elsewhere) == ({}, {"llm": "alpha/tw"})
    server.away = False
    await passing(server, 120, beta, alpha)
    assert {holder for holder, _ in server.journal} == {"alpha/tw"}


async def test_who_slept_while_another_took_over_writes_nothing(server):
    """A process that was stopped for a minute believes that it holds on; before it writes it looks."""
    alpha, beta = Operator(server, ALPHA), Operator(server, BETA)
    await alpha.settled()
    await beta.settled()
    await passing(server, 70, beta)
    assert not await alpha.claims.is_ours("llm")
    assert alpha.claims.elsewhere == {"llm": "beta/tw"}
    assert server.holder() == "beta/tw"


async def test_of_two_that_see_a_free_namespace_one_has_it(server):
    """Creation and renewal are conditional."""
    operators = [Operator(server, ALPHA), Operator(server, BETA)]
    seen = await asyncio.gather(*(each.settled() for each in operators))
    assert sorted(map(len, seen)) == [0, 1]
    server.objects[LEASE]["spec"]["holderIdentity"] = ""
    for each in operators:
        each.claims._places.clear()
    seen = await asyncio.gather(*(each.settled() for each in operators))
    assert sorted(map(len, seen)) == [0, 1]


async def test_somebody_elses_change_of_the_lease_costs_nothing(server):
    """A label on it gives it another version, and not another holder."""
    alpha = Operator(server, ALPHA)
    await alpha.settled()
    server.objects[LEASE]["metadata"]["resourceVersion"] = "changed"
    await passing(server, RENEW_SECONDS, alpha)
    assert (server.holder(), len(server.journal)) == ("alpha/tw", 2)


async def test_a_named_namespace_is_held_before_it_has_objects(server):
    """Whoever names it means it; of all namespaces only those with objects."""
    named, unnamed = Operator(server, ALPHA, ["llm", "search"]), Operator(server, BETA)
    await named.claims.settle([])
    await unnamed.claims.settle([])
    assert server.holder() == "alpha/tw"
    assert {holder for holder, _ in server.journal} == {"alpha/tw"}
    assert sum(path.endswith("/leases/tierway") for path in server.objects) == 2


async def test_a_namespace_without_objects_is_given_up(server):
    """It is not renewed, and another that has objects there takes it after its life."""
    alpha, beta = Operator(server, ALPHA), Operator(server, BETA)
    await alpha.settled()
    await alpha.claims.settle([])
    await beta.settled()
    await passing(server, LEASE_SECONDS + LOOK_SECONDS, alpha, beta)
    assert server.holder() == "beta/tw"


async def test_where_leases_are_forbidden_the_namespace_is_served_and_the_log_says_so_once(server, caplog):
    """A release must not stand still for want of a Lease; an older chart has no such verb."""
    alpha = Operator(server, ALPHA)
    server.denied = {"create": "cannot create leases"}
    assert await alpha.settled() == {}
    assert await alpha.claims.is_ours("llm")
    await passing(server, 120, alpha)
    warnings = [each for each in caplog.records if each.levelno == logging.WARNING]
    assert [each.error for each in warnings] == ["cannot create leases"]


async def test_a_right_that_is_lost_gives_nobody_a_namespace_that_another_holds(server):
    """What was known last stays."""
    alpha, beta = Operator(server, ALPHA), Operator(server, BETA)
    await alpha.settled()
    await beta.settled()
    del server.objects[LEASE]
    server.denied = {"create": "cannot create leases"}
    await passing(server, 120, beta)
    assert beta.claims.elsewhere == {"llm": "alpha/tw"}


@pytest.mark.parametrize(
    ("namespaces", "kind"), [(["llm"], "Role"), ([], "ClusterRole"), (["llm", "b"], "ClusterRole")]
)
async def test_the_role_that_permits_it_owns_the_lease(server, namespaces, kind):
    """Then an uninstall takes it along: a Role of the one namespace, else a ClusterRole."""
    role = f"/apis/rbac.authorization.k8s.io/v1/namespaces/llm/roles/{ALPHA.role}"
    server.objects[role] = {"metadata": {"uid": "uid-role"}}
    await Operator(server, ALPHA, namespaces).settled()
    (owner,) = server.objects[LEASE]["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["name"]) == (kind, "tierway:alpha:tw:objects")
    assert owner["uid"] == ("uid-role" if kind == "Role" else "uid-alpha")


async def test_who_takes_over_owns_it(server):
    """Else the uninstall of the one before would take it from who holds it now."""
    alpha, beta = Operator(server, ALPHA), Operator(server, BETA)
    await alpha.settled()
    await beta.settled()
    await passing(server, LEASE_SECONDS, beta)
    assert [each["uid"] for each in server.objects[LEASE]["metadata"]["ownerReferences"]] == ["uid-beta"]


async def test_without_a_role_it_has_no_owner(server):
    """As for who runs the operator by hand."""
    server.objects.clear()
    await Operator(server, ALPHA).settled()
    assert server.objects[LEASE]["metadata"]["ownerReferences"] == []


async def test_an_operator_that_outlives_its_uninstall_makes_no_lease(server):
    """Its role is gone before it is: what it wrote now would have no owner and hold off the next release."""
    alpha = Operator(server, ALPHA)
    await alpha.settled()
    server.objects.clear()
    server.clock += RENEW_SECONDS
    with pytest.raises(Unreachable):
        await alpha.claims.look()
    assert server.objects == {}
