"""Bytes of a server to answers, however the network cut them."""

import gzip
import zlib
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tierway_proxy.shell.http.answer import END, Answers, BadAnswerError

BODY = b'{"choices": [{"message": {"content": "caf\xc3\xa9"}}]}'
JSON = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
WHOLE = JSON + b"Content-Length: %d\r\n\r\n%b" % (len(BODY), BODY)


def chunked(*parts, trailer=b""):
    framed = b"".join(b"%x;of=no-matter\r\n%b\r\n" % (len(part), part) for part in parts)
    return JSON + b"Transfer-Encoding: chunked\r\n\r\n" + framed + b"0\r\n" + trailer + b"\r\n"


def packed(how, data):
    return JSON + b"Content-Encoding: %b\r\nContent-Length: %d\r\n\r\n%b" % (how, len(data), data)


GOOD = {
    "content length": WHOLE,
    "chunks": chunked(BODY[:1], BODY[1:20], BODY[20:]),
    "chunks and a trailer": chunked(BODY, trailer=b"X-Checksum: 1\r\nContent-Type: text/html\r\n"),
    "a hint before the answer": b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + WHOLE,
    "go on, twice, before the answer": b"HTTP/1.1 100 Continue\r\n\r\n" * 2 + WHOLE,
    "gzip that nobody asked for": packed(b"gzip", gzip.compress(BODY)),
    "deflate that nobody asked for": packed(b"Deflate", zlib.compress(BODY)),
    "the length in odd case": WHOLE.replace(b"Content-Length", b"cONTENT-lENGTH"),
}

answers_of_every_kind = pytest.mark.parametrize("raw", GOOD.values(), ids=GOOD.keys())


def read(*pieces, eof=False):
    """What came of it: the head, the body, and whether it was complete."""
    answers = Answers()
    events = []
    for piece in pieces:
        answers.feed(piece)
        events += taken(answers)
    if eof:
        answers.eof()
        events += taken(answers)
    head, *rest = events
    return head, b"".join(each for each in rest if each is not END), END in rest


def taken(answers):
    events = []
    while (event := answers.take()) not in (None, END):
        events.append(event)
    return events + ([END] if event is END else [])


@answers_of_every_kind
def test_an_answer_is_read(raw):
    """Its head without what came before it, its body without any framing, its end."""
    head, body, complete = read(raw)
    assert (head.status, head.headers.getall("Content-Type"), body) == (200, ["application/json"], BODY)
    assert complete


@answers_of_every_kind
def test_an_answer_is_the_same_wherever_it_is_cut(raw):
    """In two, after each of its bytes; and byte by byte."""
    whole = read(raw)
    assert all(read(raw[:at], raw[at:]) == whole for at in range(1, len(raw)))
    assert read(*(raw[at : at + 1] for at in range(len(raw)))) == whole


@given(
    parts=st.lists(st.binary(min_size=1, max_size=300), max_size=8),
    cuts=st.lists(st.integers(min_value=1, max_value=3000), max_size=20),
    status=st.integers(min_value=200, max_value=999).filter(lambda status: status not in (204, 304)),
)
def test_any_chunks_in_any_pieces_are_the_body(parts, cuts, status):
    """What a server wrote in chunks, and a network in packets, is one body."""
    raw = chunked(*parts).replace(b"200 OK", b"%d Odd" % status)
    bounds = [0, *sorted(cut for cut in cuts if cut < len(raw)), len(raw)]
    head, body, complete = read(*(raw[a:b] for a, b in pairwise(bounds)))
    assert (head.status, body, complete) == (status, b"".join(parts), True)


def test_without_a_length_the_end_of_the_connection_is_the_end():
    """As HTTP/1.0 has it, and some small servers still do."""
    assert read(JSON + b"\r\n" + BODY)[1:] == (BODY, False)
    assert read(JSON + b"\r\n" + BODY, eof=True)[1:] == (BODY, True)


@pytest.mark.parametrize("raw", [WHOLE[:-1], chunked(BODY)[:-1], chunked(BODY)[: -len("0\r\n\r\n")]])
def test_with_a_length_the_end_of_the_connection_is_no_end(raw):
    """An answer that was cut must not pass for a whole one."""
    assert read(raw, eof=True)[2] is False


@pytest.mark.parametrize(
    ("raw", "kept"),
    [
        (WHOLE, True),
        (chunked(BODY), True),
        (WHOLE.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"), False),
        (WHOLE.replace(b"HTTP/1.1", b"HTTP/1.0"), False),
        (WHOLE.replace(b"HTTP/1.1", b"HTTP/1.0").replace(b"\r\n\r\n", b"\r\nConnection: keep-alive\r\n\r\n"), True),
        (JSON + b"\r\n" + BODY, False),
    ],
)
def test_whether_another_request_may_follow(raw, kept):
    """The version and the `Connection` header say so, and a length that was told."""
    answers = Answers()
    answers.feed(raw)
    answers.eof()
    assert (answers.complete, answers.keeps_alive) == (True, kept)


def test_one_parser_reads_answer_after_answer():
    """With nothing of the last left over."""
    answers = Answers()
    for raw in (*GOOD.values(), *GOOD.values()):
        answers.expect()
        answers.feed(raw)
        head, *rest = taken(answers)
        assert (head.status, head.headers.getall("Content-Type")) == (200, ["application/json"])
        assert (b"".join(rest[:-1]), rest[-1]) == (BODY, END)


BAD = {
    "no HTTP": b"SSH-2.0-OpenSSH_9.9\r\n",
    "a request": b"POST / HTTP/1.1\r\nHost: a\r\n\r\n",
    "two lengths": WHOLE.replace(b"\r\n\r\n", b"\r\nContent-Length: 3\r\n\r\n"),
    "a length and chunks": WHOLE.replace(b"\r\n\r\n", b"\r\nTransfer-Encoding: chunked\r\n\r\n"),
    "a length that is no number": WHOLE.replace(b"Content-Length: ", b"Content-Length: +"),
    "another protocol": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n",
    "a transfer encoding": JSON + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "brotli": packed(b"br", b"\x0b\x02\x80"),
    "gzip that is none": packed(b"gzip", BODY),
    "a head without end": JSON + b"X-Filler: 1\r\n" * 6000,
    "hints without end": b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 2000,
}


@pytest.mark.parametrize("raw", BAD.values(), ids=BAD.keys())
@pytest.mark.parametrize("step", [1 << 20, 1000])
def test_what_is_no_answer_is_refused(raw, step):
    """Rather than guessed at, or held in memory."""
    with pytest.raises(BadAnswerError):
        read(*(raw[at : at + step] for at in range(0, len(raw), step)))


def test_a_read_that_unpacks_to_very_much_is_refused():
    """Forty kilobytes of gzip may hold forty megabytes of nothing."""
    with pytest.raises(BadAnswerError):
        read(packed(b"gzip", gzip.compress(bytes(40 << 20))))


def test_a_second_answer_to_one_request_is_refused_and_the_first_stands():
    """Whoever sends it has lost count; its bytes must not meet the next request."""
    answers = Answers()
    with pytest.raises(BadAnswerError):
        answers.feed(WHOLE + WHOLE)
    head, body, end = taken(answers)
    assert (head.status, body, end) == (200, BODY, END)


def test_trailers_are_held_nowhere():
    """A server may send them for ever."""
    answers = Answers()
    answers.feed(chunked(BODY, trailer=b"X-Filler: 1\r\n" * 10_000))
    assert len(answers._fields) == 2


def test_what_is_unread_is_known():
    """Whoever reads the socket stops at a bound; reading what is there takes it all."""
    answers = Answers()
    answers.feed(chunked(b"12345", b"678"))
    assert answers.unread == 8
    taken(answers)
    assert answers.unread == 0


def test_silence_is_told_from_the_first_byte():
    """A request may be sent again only when nothing at all was answered."""
    answers = Answers()
    assert answers.is_silent
    answers.feed(b"H")
    assert (answers.is_silent, answers.begun) == (False, False)
    answers.expect()
    assert answers.is_silent
