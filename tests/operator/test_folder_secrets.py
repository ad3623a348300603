"""Keys that stand in files, and keys that do not."""

import stat

from tests.operator.folders import world, write
from tests.operator.worlds import model_map
from tierway_operator.folder import FolderStore, published_in


def secret(labels=None, annotations=None, **parts):
    meta = {"name": "keys", "namespace": "llm", "labels": labels or {"tierway.dev/credential": "true"}}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {**meta, "annotations": annotations or {}}, **parts}


async def found_in(folder, document, **environment):
    write(folder / "keys.yaml", document)
    return (await world(folder, environment=environment)).secrets.found


async def test_a_labelled_secret_is_found_and_decoded(folder):
    """What stands in stringData wins, as in a cluster."""
    document = secret(data={"a": "a2V5LWE=", "b": "eA=="}, stringData={"b": "key-b"})
    (found,) = await found_in(folder, document)
    assert (found.namespace, found.name, found.data) == ("llm", "keys", {"a": "key-a", "b": "key-b"})
    assert "key-a" not in repr(found)


async def test_a_secret_without_the_label_is_not_there(folder):
    """Nor one whose label says anything else."""
    assert await found_in(folder, secret(labels={"x": "y"}, stringData={"a": "b"})) == ()
    assert await found_in(folder, secret(labels={"tierway.dev/credential": "false"})) == ()


async def test_an_annotation_names_the_variable_that_gives_the_key(folder):
    """A folder can be kept in git without its keys."""
    annotations = {"tierway.dev/env": "THE_KEY"}
    (found,) = await found_in(folder, secret(annotations=annotations), THE_KEY="k")
    assert found.data == {"api-key": "k"}
    document = secret(annotations=annotations, stringData={"us": "", "eu": "own"})
    (found,) = await found_in(folder, document, THE_KEY="k")
    assert found.data == {"us": "k", "eu": "own"}
    (found,) = await found_in(folder, document)
    assert found.data == {"us": "", "eu": "own"}


async def test_keys_and_token_are_for_this_user_alone(folder):
    """0600 in a directory of 0700, and nothing for git."""
    store = FolderStore(folder)
    token = await store.token()
    await store.publish_keys({"id1": "secret", "id2": "other"})
    await store.publish_keys({"id1": "secret"})
    keys = published_in(folder) / "keys"
    assert {each.name for each in keys.iterdir()} == {"id1", "token"}
    assert stat.S_IMODE(keys.stat().st_mode) == 0o700
    assert {stat.S_IMODE(each.stat().st_mode) for each in keys.iterdir()} == {0o600}
    assert (await store.world()).keys == {"id1": "secret"}
    assert len(token) == 64
    assert await FolderStore(folder).token() == token
    assert (folder / ".tierway" / ".gitignore").read_text() == "*\n"


async def test_config_maps_are_found_by_name(folder):
    """For certificates."""
    write(
        folder / "ca.yaml",
        {"kind": "ConfigMap", "metadata": {"name": "ca", "namespace": "llm"}, "data": {"k": "P"}},
    )
    assert (await world(folder)).config_maps.data == {("llm", "ca"): {"k": "P"}}


async def test_a_config_map_is_a_classifiers_model_by_its_label(folder):
    """Others are there too, for the sentence that tells of the label."""
    write(folder / "models.yaml", model_map("yes"), model_map("no", label="false"), model_map("none", label=None))
    found = (await world(folder)).config_maps
    assert set(found.data) == {("llm", "yes"), ("llm", "no"), ("llm", "none")}
    assert set(found.models) == {("llm", "yes")}
