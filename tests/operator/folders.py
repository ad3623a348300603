"""Folders of YAML for tests, as users write them."""

import yaml

from tierway_operator.folder import FolderStore


def plain(manifest):
    """As a user writes it: without what only a store knows."""
    meta = {key: value for key, value in manifest["metadata"].items() if key in {"name", "namespace", "labels"}}
    return {**manifest, "metadata": meta}


def write(path, *documents):
    path.write_text(yaml.safe_dump_all(documents))


def named(listing):
    return {entry.manifest["metadata"]["name"]: entry for entry in listing.entries}


async def world(folder, store=None, **more):
    return await (store or FolderStore(folder, **more)).world()
