"""The logs of a proxy: one JSON line a record, and one a request."""

import json
import logging
import sys
import time
from functools import lru_cache
from typing import BinaryIO

import orjson

from tierway_proxy.core.caller import Caller
from tierway_proxy.core.ledger import TROUBLE, AttemptEntry, Settlement

PICO = 1e-12
_MOST_WAITING = 64


class JSONFormatter(logging.Formatter):
    """A log record as one JSON line, with whatever `extra` it carries."""

    _KNOWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}

    def format(self, record: logging.LogRecord) -> str:
        line = {"time": _timestamp(record.created), "level": record.levelname.lower(), "message": record.getMessage()}
        line |= {key: value for key, value in vars(record).items() if key not in self._KNOWN}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str, ensure_ascii=False)


def log_json(level: int = logging.INFO) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JSONFormatter())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.getLogger("watchfiles").setLevel(logging.WARNING)  # it reports every change of a folder, ours included


def _timestamp(seconds: float) -> str:
    whole = int(seconds)
    return f"{_second(whole)}.{int((seconds - whole) * 1000):03d}Z"


@lru_cache(maxsize=4)
def _second(whole: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole))


class AccessLog:
    """One JSON line a request, gathered for a moment: `flush` is called by a timer of the shell.

    Lines are made when they are flushed: many in a row cost half of what each would between two requests.
    """

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._waiting: list[tuple[float, Settlement, str, Caller | None]] = []

    def write(self, request: Settlement, request_id: str, caller: Caller | None = None) -> None:
        self._waiting.append((time.time(), request, request_id, caller))
        if len(self._waiting) >= _MOST_WAITING:
            self.flush()

    def flush(self) -> None:
        if self._waiting:
            waiting, self._waiting = self._waiting, []
            self._out.write(b"".join([_line(*each) for each in waiting]))
            self._out.flush()


def _line(now: float, request: Settlement, request_id: str, caller: Caller | None) -> bytes:
    last = request.attempts[-1] if request.attempts else None
    line = {
        "time": _timestamp(now),
        "level": "warning" if request.outcome in TROUBLE else "info",
        "message": "request",
        "request_id": request_id,
        "caller": None if caller is None else caller.name,
        "policy": request.policy or None,  # none: refused before one was found
        "class": request.klass,
        "outcome": request.outcome,
        "status": request.status,
        "duration_ms": round(request.duration * 1000, 1),
        "first_token_ms": None if request.first_token is None else round(request.first_token * 1000, 1),
        "input_tokens": last.usage.input if last else request.input_tokens,
        "output_tokens": last.usage.output if last else 0,
        "cost_usd": f"{request.cost * PICO:.9f}",
        "attempts": [_attempt(entry) for entry in request.attempts],
        "reason": request.reason,
        "table": request.table[:12],
    }
    return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)


def _attempt(entry: AttemptEntry) -> dict[str, str | float | None]:
    return {
        "endpoint": entry.candidate.key,
        "failed": entry.reason,
        "status": entry.status,
        "ttft_ms": None if entry.ttft is None else round(entry.ttft * 1000, 1),
    }
