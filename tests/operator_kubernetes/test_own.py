"""Whose the release's own objects are."""

import pytest

from tierway_operator.cluster.api import DeniedError
from tierway_operator.cluster.names import Release
from tierway_operator.cluster.own import OwnObjects
from tierway_operator.store import Unreachable


class Server:
    """Knows us as `user`, keeps what is applied, and says `no` when it is to."""

    def __init__(self, user):
        self.user, self.applied, self.no = user, [], None

    async def create(self, _path, _review):
        return {"status": {"userInfo": self.user}}

    async def apply(self, _path, body):
        if self.no:
            raise DeniedError(self.no, "no")
        self.applied.append(body)


def account(uid, namespace="tierway-system"):
    return {"username": f"system:serviceaccount:{namespace}:tw-operator", "uid": uid}


async def written(server, own):
    await own.apply("ConfigMap", "tw-tally", {"data": {}})
    return server.applied[-1]


@pytest.fixture
def server():
    return Server(account("uid-1"))


@pytest.fixture
def own(server):
    return OwnObjects(server, Release("tw", "tierway-system"))


async def test_what_we_wrote_is_ours_and_what_another_account_of_the_name_wrote_is_not(server, own):
    """A ServiceAccount that was deleted and made again has another uid: its objects are about to be collected."""
    ours = await written(server, own)
    assert await own.is_owned(ours)
    again = OwnObjects(Server(account("uid-2")), Release("tw", "tierway-system"))
    assert not await again.is_owned(ours)
    assert not await again.is_owned({"metadata": {"name": "x"}})


async def test_who_owns_nothing_takes_nothing_over(server, own):
    """A person who runs the operator by hand must not strip the release's objects of their owner."""
    by_hand = OwnObjects(Server({"username": "ann"}), Release("tw", "tierway-system"))
    assert await by_hand.is_owned(await written(server, own))


async def test_after_a_no_we_ask_anew_who_we_are(server, own):
    """Somebody deleted our ServiceAccount and made it again: what has the old owner would be collected at once."""
    await written(server, own)
    server.user, server.no = account("uid-2"), 401
    with pytest.raises(Unreachable):
        await written(server, own)
    server.no = None
    assert [each["uid"] for each in (await written(server, own))["metadata"]["ownerReferences"]] == ["uid-2"]
