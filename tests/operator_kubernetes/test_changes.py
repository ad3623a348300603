"""What counts as a change, and what is only the echo of our own writing."""

import asyncio

import pytest

from tierway_operator.cluster.changes import Changes, Lookout
from tierway_operator.cluster.names import Release
from tierway_operator.store import Unreachable

RELEASE = Release("tw", "tierway-system")


def manifest(uid="1", generation=1, version=1, **metadata):
    return {"metadata": {"uid": uid, "generation": generation, "resourceVersion": str(version), **metadata}}


async def is_marked(changes):
    waiting = asyncio.ensure_future(changes.wait())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    waiting.cancel()
    return waiting.done() and not waiting.cancelled()


@pytest.fixture
async def changes():
    return Changes()


async def test_a_new_generation_is_a_change(changes):
    """Also the first sight of an object, and each of several objects."""
    for found in (manifest(), manifest(generation=2), manifest(uid="2")):
        changes.saw("MODIFIED", found)
        assert await is_marked(changes)


async def test_a_status_that_we_wrote_is_no_change(changes):
    """Else each write of a status would list and compile the world once more."""
    changes.saw("ADDED", manifest())
    assert await is_marked(changes)
    changes.saw("MODIFIED", manifest(version=2))
    assert not await is_marked(changes)


async def test_labels_and_the_wish_to_delete_are_changes(changes):
    """Neither raises the generation."""
    changes.saw("ADDED", manifest())
    await changes.wait()
    changes.saw("MODIFIED", manifest(labels={"a": "b"}))
    assert await is_marked(changes)
    changes.saw("MODIFIED", manifest(labels={"a": "b"}, deletionTimestamp="now"))
    assert await is_marked(changes)


async def test_a_deletion_is_a_change_and_so_is_the_namesake_that_follows(changes):
    """Whatever generation they have."""
    changes.saw("ADDED", manifest())
    await changes.wait()
    changes.saw("DELETED", manifest())
    assert await is_marked(changes)
    changes.saw("ADDED", manifest())
    assert await is_marked(changes)


async def test_a_watch_that_begins_anew_is_a_change(changes):
    """What was deleted while it was broken brings no event of its own."""
    changes.saw("ADDED", manifest())
    await changes.wait()
    changes.saw(None, manifest())
    assert await is_marked(changes)


async def test_what_a_list_does_not_show_is_forgotten_and_the_rest_is_not(changes):
    """What was deleted while no watch was open brings no event, and must not be remembered for ever."""
    for uid in "12":
        changes.saw("ADDED", manifest(uid))
    await changes.wait()
    changes.listed({"1"})
    changes.saw("MODIFIED", manifest("1", version=2))
    assert not await is_marked(changes)
    changes.saw("MODIFIED", manifest("2", version=2))
    assert await is_marked(changes)


async def test_what_is_in_a_namespace_of_others_is_no_change():
    """Where several namespaces are served, the watch shows all."""
    changes = Changes(["llm", "search"])
    changes.saw("ADDED", manifest("1", namespace="other"))
    assert not await is_marked(changes)
    changes.saw("ADDED", manifest("2", namespace="search"))
    assert await is_marked(changes)


async def test_a_change_during_a_run_is_not_lost(changes):
    """It was marked while nobody waited: the next wait returns at once."""
    changes.saw("ADDED", manifest())
    await asyncio.wait_for(changes.wait(), 1)
    changes.saw("MODIFIED", manifest(generation=2))
    await asyncio.wait_for(changes.wait(), 1)


async def test_events_come_from_another_thread(changes):
    """Kopf has a thread of its own."""
    waiting = asyncio.ensure_future(changes.wait())
    await asyncio.to_thread(changes.saw, "ADDED", manifest())
    await asyncio.wait_for(waiting, 1)


class Versions:
    """What a look at the API finds."""

    def __init__(self):
        self.found = {}
        self.away = False

    async def versions(self, path, _query):
        return await self.version(path)

    async def version(self, path):
        if self.away:
            raise Unreachable(path)
        return dict(self.found.get(path, {}))


SLICES = "/apis/discovery.k8s.io/v1/namespaces/tierway-system/endpointslices"
SECRETS = "/api/v1/namespaces/llm/secrets"
MODEL = "/api/v1/namespaces/search/configmaps/own"


@pytest.mark.parametrize("path", [SLICES, SECRETS, MODEL])
async def test_a_look_marks_new_secrets_config_maps_and_proxies(changes, path):
    """No event tells of them. An outage is no change."""
    api = Versions()
    lookout = Lookout(api, RELEASE, changes)
    lookout.namespaces, lookout.config_maps = ["llm"], [("search", "own")]
    await lookout.look()
    assert await is_marked(changes)
    await lookout.look()
    assert not await is_marked(changes)
    api.found[path] = {"key": "1"}
    await lookout.look()
    assert await is_marked(changes)
    api.away = True
    await lookout.look()
    api.away = False
    await lookout.look()
    assert not await is_marked(changes)
    api.found[path] = {}
    await lookout.look()
    assert await is_marked(changes)


async def test_a_first_look_marks_what_came_since_the_last_list(changes):
    """A policy and then its model, or a tier and then its key, are often applied within a second."""
    api = Versions()
    lookout = Lookout(api, RELEASE, changes)
    await lookout.look()
    assert await is_marked(changes)
    lookout.namespaces, api.found[SECRETS] = ["llm"], {"key": "1"}
    await lookout.look()
    assert await is_marked(changes)
