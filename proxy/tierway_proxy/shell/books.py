"""What became of each request: counted, and a line of the access log, whether an exchange ended it or a refusal did."""

from time import monotonic
from typing import NamedTuple

from aiohttp import web

from tierway_proxy.core.caller import Caller
from tierway_proxy.core.catalog import Catalog
from tierway_proxy.core.ledger import Settlement, left, refused
from tierway_proxy.core.refusal import Refusal
from tierway_proxy.shell.answer import refusal_response
from tierway_proxy.shell.serving import Serving
from tierway_proxy.shell.telemetry import AccessLog


class Sender(NamedTuple):
    """Whose request, as answers and logs name it, since when they wait, and who that is; None: nobody is asked.

    `arrived`: in monotonic seconds, when its head had been read, before anybody was asked whose key it carries.
    """

    request_id: str
    arrived: float
    caller: Caller | None = None


class Books:
    def __init__(self, serving: Serving, access_log: AccessLog | None) -> None:
        self._serving, self._access_log = serving, access_log

    def settled(self, settlement: Settlement, sender: Sender) -> None:
        self._serving.record(settlement, sender.caller)
        self._log(settlement, sender)

    def refused(self, catalog: Catalog, refusal: Refusal, sender: Sender) -> web.Response:
        self.settled(refused(catalog.table.policy, catalog.hash, refusal, monotonic() - sender.arrived), sender)
        return refusal_response(refusal, sender.request_id)

    def unrouted(self, refusal: Refusal, sender: Sender, headers: dict[str, str] | None = None) -> web.Response:
        """No policy has it to its account: it is counted by its code, and logged as all are."""
        self._serving.unrouted[refusal.code] += 1
        self._log(refused("", "", refusal, monotonic() - sender.arrived), sender)
        return refusal_response(refusal, sender.request_id, headers)

    def left(self, sender: Sender, catalog: Catalog | None = None) -> None:
        """Before there was an exchange, which would have seen to it; None: before a policy was found, too."""
        waited = monotonic() - sender.arrived
        if catalog is None:
            self._log(left("", "", waited), sender)
        else:
            self.settled(left(catalog.table.policy, catalog.hash, waited), sender)

    def _log(self, settlement: Settlement, sender: Sender) -> None:
        if self._access_log is not None:
            self._access_log.write(settlement, sender.request_id, sender.caller)
