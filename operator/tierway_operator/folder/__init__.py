"""The store that is a folder: YAML in; route tables, keys and statuses out. No cluster, same compiler, same loop.

DIR/*.yaml, *.yml, *.json                      objects, as for `kubectl apply -f DIR`
DIR/status/KIND.NAMESPACE.NAME.yaml            each with its status
DIR/.tierway/tables/NAMESPACE.NAME/            table.json and state.json of a policy
DIR/.tierway/keys/                             provider keys by id, and the token; readable by this user alone
"""

from tierway_operator.folder.lock import InUseError, locked
from tierway_operator.folder.outputs import published_in
from tierway_operator.folder.store import FolderStore

__all__ = ["FolderStore", "InUseError", "locked", "published_in"]
