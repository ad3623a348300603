"""How the release's objects say whose they are."""

from tierway_operator.cluster.names import Release, policy_of, uid_of

RELEASE = Release("tw", "tierway-system")


def config_map(policy):
    return {"metadata": {"name": RELEASE.table(policy), **RELEASE.marks(policy)}}


def test_a_policy_can_be_read_back_from_its_config_map():
    """However long its names are: labels hold 63 characters, a policy's name has up to 253."""
    for policy in ("llm/default", f"llm/{'b' * 253}", f"{'a' * 63}/{'b' * 63}"):
        found = config_map(policy)
        assert policy_of(found) == policy
        assert all(len(value) <= 63 for value in found["metadata"]["labels"].values())
        assert len(found["metadata"]["name"]) <= 253


def test_the_policys_uid_can_be_read_back_beside_its_name():
    """None of an older version's ConfigMap."""
    for policy in ("llm/default", f"llm/{'b' * 253}"):
        found = {"metadata": RELEASE.marks(policy, "123-abc")}
        assert (policy_of(found), uid_of(found)) == (policy, "123-abc")
        assert uid_of(config_map(policy)) is None


def test_two_policies_never_share_a_config_map():
    """Not even those that look alike when joined."""
    assert RELEASE.table("a/b-c") != RELEASE.table("a-b/c")


def test_a_stranger_with_our_label_is_nobodys_policy():
    """It is left alone."""
    assert policy_of({"metadata": {"name": "x", "labels": {"tierway.dev/release": "tw"}}}) is None
