"""Logs as one JSON line a record, with whatever `extra` it carries."""

import json
import logging
from datetime import UTC, datetime

_KNOWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
# kopf tells of every event and every handler; what matters of it are its complaints
_QUIET = ("kopf.objects", "kopf.activities", "kopf._core", "aiohttp.access")


class JSONFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
            "logger": record.name,
        }
        line |= {name: value for name, value in vars(record).items() if name not in _KNOWN}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str, ensure_ascii=False)


def log_json(level: int = logging.INFO) -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(JSONFormatter())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    # in a thread of its own it cannot hear signals, which it reports at every start
    logging.getLogger("kopf._core.reactor.running").setLevel(logging.ERROR)
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))
