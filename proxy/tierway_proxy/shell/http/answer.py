"""Bytes of a server in, answers out: the reading half of the HTTP client, without a socket.

The parser is llhttp, which Node.js keeps. What it leaves open is decided here: heads have a size, 1xx answers are
passed over, compressed bodies are unpacked (we ask for none, some send them all the same), nothing follows an answer.
"""

import zlib
from collections.abc import Callable
from typing import Final, NamedTuple

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser
from multidict import CIMultiDict

_MOST_HEAD_BYTES = 65_536
_MOST_UNPACKED = 16 << 20  # of one read of the socket, which is 256 KiB: text shrinks by less than that
_AS_IT_SAYS = 32 + zlib.MAX_WBITS  # gzip or deflate, told by its first bytes


class Head(NamedTuple):
    """`status` is 200 or above."""

    status: int
    headers: CIMultiDict[str]


class End:
    """The answer is complete as HTTP sees it."""


END: Final = End()


class BadAnswerError(Exception):
    """What the server sent is no HTTP answer that we understand; the connection is of no more use."""


class Answers:
    """The answers of one connection, one after the other; `expect` before each.

    `unread`: bytes of the body that `take` has not given yet. `begun`: a final head came. `complete`: all of it came.
    `keeps_alive`: another request may follow on the connection.
    """

    __slots__ = (
        "_fields",
        "_head",
        "_head_bytes",
        "_parser",
        "_parts",
        "_unpack",
        "begun",
        "complete",
        "keeps_alive",
        "unread",
    )

    def __init__(self) -> None:
        self._parser = HttpResponseParser(self)
        self.expect()

    def expect(self) -> None:
        self._fields: list[tuple[bytes, bytes]] = []
        self._parts: list[bytes] = []
        self._head: Head | None = None
        self._unpack: Callable[[bytes], bytes] | None = None
        self._head_bytes = self.unread = 0
        self.begun = self.complete = self.keeps_alive = False

    def feed(self, data: bytes) -> None:
        """Raises BadAnswerError; what came before the fault can still be taken."""
        if not self.begun:
            self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade) as error:
            raise BadAnswerError(str(error)) from error
        if self._head_bytes > _MOST_HEAD_BYTES and not self.begun:
            raise BadAnswerError(f"a head of more than {_MOST_HEAD_BYTES} bytes")

    def eof(self) -> None:
        """The server sent its last byte: the end of a body whose length nobody told."""
        if self.begun and not self._is_delimited():
            self.complete = True

    @property
    def is_silent(self) -> bool:
        """Not a byte has come."""
        return self._head_bytes == 0

    def take(self) -> Head | bytes | End | None:
        """What has come since the last time, in its order; None: nothing."""
        if self._head is not None:
            head, self._head = self._head, None
            return head
        if self._parts:
            parts, self._parts, self.unread = self._parts, [], 0
            return parts[0] if len(parts) == 1 else b"".join(parts)
        return END if self.complete else None

    # ---- called by the parser, whose names these are

    def on_message_begin(self) -> None:
        if self.complete:
            raise BadAnswerError("a second answer to one request")

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.begun:  # else a trailer
            self._fields.append((name, value))

    def on_headers_complete(self) -> None:
        status, fields = self._parser.get_status_code(), self._fields
        if status < 200:
            fields.clear()
            return
        self.begun = True
        headers = CIMultiDict([(name.decode("latin-1"), value.decode("latin-1")) for name, value in fields])
        self._head = Head(status, headers)
        self._unpack = _unpacking(headers)

    def on_body(self, data: bytes) -> None:
        if self._unpack is not None:
            data = self._unpack(data)
        if data:
            self._parts.append(data)
            self.unread += len(data)

    def on_message_complete(self) -> None:
        if self.begun:
            self.complete, self.keeps_alive = True, self._parser.should_keep_alive()

    def _is_delimited(self) -> bool:
        return any(name.lower() in (b"content-length", b"transfer-encoding") for name, _ in self._fields)


def _unpacking(headers: CIMultiDict[str]) -> Callable[[bytes], bytes] | None:
    """What makes a body of its bytes on the wire; None: nothing need be done. Raises BadAnswerError."""
    if headers.get("Transfer-Encoding", "chunked").lower() != "chunked":
        raise BadAnswerError("a transfer encoding besides chunked")
    coding = headers.get("Content-Encoding", "identity").lower()
    if coding == "identity":
        return None
    if coding not in ("gzip", "x-gzip", "deflate"):
        raise BadAnswerError(f"a content encoding that nobody asked for: {coding[:40]}")
    unpacker = zlib.decompressobj(_AS_IT_SAYS)

    def unpack(data: bytes) -> bytes:
        try:
            unpacked = unpacker.decompress(data, _MOST_UNPACKED)
        except zlib.error as error:
            raise BadAnswerError("a compressed body that is broken") from error
        if unpacker.unconsumed_tail:
            raise BadAnswerError(f"a read that unpacks to more than {_MOST_UNPACKED} bytes")
        return unpacked

    return unpack
