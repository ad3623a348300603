"""The store over a real API server, word by word of its protocol, under the operator's own token."""

import json
from contextlib import asynccontextmanager

import pytest
from kubernetes.aio.client.api_client import ApiClient

from tests.kubernetes.releases import eventually, released
from tests.resources.documents import policy, tier
from tierway_operator.cluster.api import Api
from tierway_operator.cluster.changes import Changes
from tierway_operator.cluster.connection import configuration
from tierway_operator.cluster.names import Release
from tierway_operator.cluster.store import ClusterStore
from tierway_operator.store import Published, Ref, StatusRefused, Unreachable

pytestmark = pytest.mark.kubernetes

CONDITION = {
    "type": "Accepted",
    "status": "True",
    "reason": "Accepted",
    "message": "",
    "observedGeneration": 1,
    "lastTransitionTime": "2026-01-01T00:00:00Z",
}


@pytest.fixture(scope="module")
def release(control_plane, tmp_path_factory):
    """No process runs: the tests are the operator."""
    with released(control_plane, tmp_path_factory.mktemp("release")) as release:
        yield release


@asynccontextmanager
async def opened(release, monkeypatch, account="tw-operator"):
    kubeconfig = release.plane.service_account_kubeconfig(release.namespace, account)
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    mine = Release(release.name, release.namespace)
    async with ApiClient(await configuration()) as client:
        api = Api(client, mine.field_manager)
        yield ClusterStore(api, mine, Changes(), namespaces=[release.namespace], instance="test")


@pytest.fixture
async def store(release, monkeypatch):
    async with opened(release, monkeypatch) as store:
        yield store


def reference(release, name):
    metadata = release.object("modeltier", name)["metadata"]
    return Ref("ModelTier", release.namespace, name, metadata["uid"])


async def test_both_kinds_are_listed_whole(release, store):
    """With what the API server adds: uid, generation, defaults; and nothing of other namespaces."""
    release.apply(tier(), policy())
    world = await store.world()
    assert world.tiers.error is None
    found = {entry.manifest["metadata"]["name"]: entry for entry in world.tiers.entries}
    assert found["small"].manifest["kind"] == "ModelTier"
    assert found["small"].manifest["metadata"]["generation"] == 1
    assert found["small"].fault is None
    assert {entry.manifest["metadata"]["namespace"] for entry in world.tiers.entries} == {release.namespace}


async def test_a_kind_that_may_not_be_listed_is_unknown_and_not_empty(release, monkeypatch):
    """Else a lost RoleBinding would look like the deletion of everything."""
    release.kubectl("create", "serviceaccount", "nobody", f"--namespace={release.namespace}")
    here = f"--namespace={release.namespace}"
    account = f"--serviceaccount={release.namespace}:nobody"
    # all that the operator may do, but read the kinds
    release.kubectl("create", "rolebinding", "nobody", "--role=tw-operator", account, here)
    async with opened(release, monkeypatch, "nobody") as store:
        world = await store.world()
    assert "cannot list" in world.tiers.error
    assert "cannot list" in world.policies.error


async def test_without_its_own_objects_the_store_is_unreachable(release, monkeypatch):
    """Nobody may take "nothing is published" from a LIST that failed."""
    release.kubectl("create", "serviceaccount", "stranger", f"--namespace={release.namespace}")
    async with opened(release, monkeypatch, "stranger") as store:
        with pytest.raises(Unreachable, match="cannot"):
            await store.world()


async def test_what_is_published_is_read_back_replaced_and_removed(release, store):
    """By policy; a name that is too long for a label works the same, and removing twice is no error."""
    for name in (f"{release.namespace}/short", f"{release.namespace}/{'long' * 40}"):
        await store.publish(name, Published("{}", '{"a": 1}'))
        await store.publish(name, Published("{}", '{"a": 2}', "uid-1"))
        assert (await store.world()).published[name] == Published("{}", '{"a": 2}', "uid-1")
        await store.unpublish(name)
        await store.unpublish(name)
        assert name not in (await store.world()).published


async def test_what_it_writes_is_owned_by_its_service_account(release, store):
    """An uninstall deletes the account, and the garbage collector the rest."""
    await store.publish_keys({"abc": "sk-1"})
    await store.save_tally("{}")
    account = release.object("serviceaccount", "tw-operator")["metadata"]["uid"]
    for kind, name in (("secret", "tw-keys"), ("configmap", "tw-tally")):
        (owner,) = release.object(kind, name)["metadata"]["ownerReferences"]
        assert (owner["kind"], owner["uid"]) == ("ServiceAccount", account)


async def test_what_an_installation_before_owned_is_taken_over_before_it_is_collected(release, store, monkeypatch):
    """Uninstalled and installed again by the same name within seconds: tables, keys and tally stay as they were."""
    here = f"--namespace={release.namespace}"
    wanted = {"policy": f"{release.namespace}/again", "keys": {"abc": "sk-1"}, "tally": '{"again": 1}'}
    await store.publish(wanted["policy"], Published("{}", "{}", "uid-1"))
    await store.publish_keys(wanted["keys"])
    await store.save_tally(wanted["tally"])
    token, account = await store.token(), release.object("serviceaccount", "tw-operator")
    orphan = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": "orphan",
            "ownerReferences": [
                {"apiVersion": "v1", "kind": "ServiceAccount", "name": "tw-operator", "uid": account["metadata"]["uid"]}
            ],
        },
    }
    release.apply(orphan)
    release.plane.kill("kube-controller-manager")
    try:
        release.delete("serviceaccount", "tw-operator")
        release.kubectl("create", "serviceaccount", "tw-operator", here)
        async with opened(release, monkeypatch) as again:
            world = await again.world()
            assert await again.load_tally() == wanted["tally"]
            assert (world.keys, await again.token()) == (wanted["keys"], token)
    finally:
        release.plane.start_again("kube-controller-manager")
    # what nobody took over is collected: so the others were looked at, too
    eventually(lambda: not release.get("configmap", "orphan", "--ignore-not-found"), seconds=90)
    async with opened(release, monkeypatch) as again:
        world = await again.world()
        assert world.published[wanted["policy"]] == Published("{}", "{}", "uid-1")
        assert (world.keys, await again.load_tally()) == (wanted["keys"], wanted["tally"])


async def test_keys_are_replaced_and_the_token_stays(store):
    """One Secret holds both; the token is made once in the release's life."""
    token = await store.token()
    assert len(bytes.fromhex(token)) == 32
    await store.publish_keys({"a": "sk-a", "b": "sk-b"})
    await store.publish_keys({"b": "sk-c"})
    assert (await store.world()).keys == {"b": "sk-c"}
    assert await store.token() == token


async def test_a_tally_is_read_back(store):
    """As the text that was saved."""
    await store.save_tally('{"x": 1}')
    assert await store.load_tally() == '{"x": 1}'


async def test_a_status_replaces_the_one_before(release, store):
    """What is not written again is gone, and a write of the same moves nothing."""
    release.apply(tier() | {"metadata": {"name": "told"}})
    ref = reference(release, "told")
    await store.write_status(ref, {"observedGeneration": 1, "conditions": [CONDITION]})
    await store.write_status(ref, {"conditions": [CONDITION]})
    found = release.object("modeltier", "told")
    assert found["status"] == {"conditions": [CONDITION]}
    await store.write_status(ref, {"conditions": [CONDITION]})
    assert release.object("modeltier", "told")["metadata"]["resourceVersion"] == found["metadata"]["resourceVersion"]


async def test_no_status_of_a_dead_object_lands_on_its_namesake(release, store):
    """Deleted and created again between a LIST and a write; and one that is simply gone is no error either."""
    release.apply(tier() | {"metadata": {"name": "reborn"}})
    dead = reference(release, "reborn")
    release.delete("modeltier", "reborn")
    await store.write_status(dead, {"conditions": [CONDITION]})
    release.apply(tier() | {"metadata": {"name": "reborn"}})
    await store.write_status(dead, {"conditions": [CONDITION]})
    assert "status" not in release.object("modeltier", "reborn")


async def test_a_status_is_written_over_an_edit_that_nobody_saw_yet(release, store):
    """Its conditions say which generation they are about; to wait for quiet would be to wait for ever."""
    release.apply(tier() | {"metadata": {"name": "busy"}})
    ref = reference(release, "busy")
    await store.world()
    release.apply(tier({"spec.models[0].state": "Draining"}) | {"metadata": {"name": "busy"}})
    await store.write_status(ref, {"conditions": [CONDITION]})
    found = release.object("modeltier", "busy")
    assert found["metadata"]["generation"] == 2
    assert found["status"] == {"conditions": [CONDITION]}


@pytest.mark.parametrize(
    "status",
    [{"conditions": [CONDITION | {"status": "Perhaps"}]}, {"conditions": "none"}, {"inventedField": 1}],
    ids=["value", "type", "unknown field"],
)
async def test_a_status_that_the_schema_refuses_is_loud(release, store, status):
    """The loop is told, and whoever looks at the object: also when the server calls it an error of its own (500)."""
    name = f"refused-{len(json.dumps(status))}"
    release.apply(tier() | {"metadata": {"name": name}})
    with pytest.raises(StatusRefused):
        await store.write_status(reference(release, name), status)
    events = eventually(lambda: about(release, name))
    assert events[0]["reason"] == "StatusRefused"


def about(release, name):
    events = json.loads(release.get("events.events.k8s.io", "-o", "json"))["items"]
    return [event for event in events if event["regarding"]["name"] == name]


async def test_while_the_api_server_is_away_everything_is_unreachable(release, store):
    """One word for all that may be tried again."""
    release.apply(tier())
    ref = reference(release, "small")
    release.plane.kill("kube-apiserver")
    try:
        for call in (
            store.world(),
            store.proxies(),
            store.token(),
            store.load_tally(),
            store.publish("a/b", Published("{}", "{}")),
            store.unpublish("a/b"),
            store.publish_keys({}),
            store.save_tally("{}"),
            store.write_status(ref, {}),
        ):
            with pytest.raises(Unreachable):
                await call
    finally:
        release.plane.start_again("kube-apiserver")
