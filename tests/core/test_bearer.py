"""What is read of a caller's key before anybody is asked about it."""

import json
from base64 import urlsafe_b64encode

import pytest

from tierway_proxy.core.bearer import LONGEST, Claims, Useless, claims, fingerprint, presented, useless


def token(**said):
    body = urlsafe_b64encode(json.dumps(said).encode()).decode().rstrip("=")
    return f"h.{body}.s"


@pytest.mark.parametrize("header", ["Bearer abc", "bearer abc", "BEARER   abc ", " Bearer abc"])
def test_the_token_of_a_bearer_header_is_read_however_it_is_written(header):
    """The scheme's case is nobody's business (RFC 9110)."""
    assert presented([header]) == "abc"


@pytest.mark.parametrize(
    ("headers", "why"),
    [
        ([], "carries no API key"),
        (["Bearer a", "Bearer b"], "several Authorization headers"),
        (["Basic abc"], "not of the form 'Bearer TOKEN'"),
        (["Bearer"], "not of the form 'Bearer TOKEN'"),
        (["Bearer  "], "not of the form 'Bearer TOKEN'"),
        (["abc"], "not of the form 'Bearer TOKEN'"),
        ([f"Bearer {'a' * (LONGEST + 1)}"], f"longer than {LONGEST} characters"),
    ],
)
def test_what_is_no_token_is_useless_for_a_reason(headers, why):
    """The caller reads it."""
    found = presented(headers)
    assert isinstance(found, Useless)
    assert why in found.why


def test_a_token_says_for_whom_it_is_and_until_when():
    """Both forms of an audience that RFC 7519 knows."""
    assert claims(token(aud=["tierway", "b"], exp=7)) == Claims(("tierway", "b"), 7.0)
    assert claims(token(aud="tierway")) == Claims(("tierway",), None)


@pytest.mark.parametrize(
    "text",
    ["sk-123", "a.b", "a.!.c", token()[:-2] + "..", f"h.{'A' * 5}.s", "h.W10.s", "", f"{token()} x", token() + "\ts"],
)
def test_what_is_no_json_web_token_says_nothing(text):
    """Whatever its bytes are."""
    assert claims(text) is None


def test_a_token_that_nests_without_end_is_useless_and_no_fault():
    """It is short enough for a header, and too deep for a parser."""
    deep = urlsafe_b64encode(b'{"aud":' + b"[" * 2_900 + b"]" * 2_900 + b"}").decode().rstrip("=")
    assert len(deep) < LONGEST
    assert useless(claims(f"h.{deep}.s"), "tierway", 0.0) is not None


@pytest.mark.parametrize(
    "said",
    [{"exp": "soon"}, {"exp": True}, {"aud": 3}, {"aud": [3]}, {"exp": 10**400}, {"exp": -(10**400)}],
    ids=range(6),
)
def test_strange_claims_are_no_fault(said):
    """A stranger wrote them."""
    claims(token(**said))


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (None, "neither a ServiceAccount token nor a key"),
        (Claims(("vault",), 20.0), "made for 'vault' and not for 'tierway'"),
        (Claims(("tierway",), 10.0), "has expired"),
        (Claims(("tierway",), 10.1), None),
        (Claims(("vault", "tierway"), None), None),
        (Claims((), None), None),
    ],
)
def test_only_what_may_be_good_is_asked_about(said, why):
    """At 10 seconds since the epoch."""
    found = useless(said, "tierway", 10.0)
    assert (found is None) if why is None else (found is not None and why in found.why)


@pytest.mark.parametrize("ends", [-(10**400), float("-inf"), float("nan")], ids=["least", "-inf", "nan"])
def test_an_end_that_is_no_time_is_over(ends):
    """No token that is good has one, so nobody is asked."""
    found = useless(claims(token(aud="tierway", exp=ends)), "tierway", 10.0)
    assert found is not None
    assert "has expired" in found.why


def test_a_fingerprint_is_no_token():
    """And the same for the same one."""
    assert fingerprint("abc") == fingerprint("abc") != fingerprint("abd")
    assert b"abc" not in fingerprint("abc")
