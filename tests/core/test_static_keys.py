"""Static keys: whose a key is, and which are none."""

from tierway_proxy.core.bearer import fingerprint
from tierway_proxy.core.caller import OTHERS, Caller, of_user
from tierway_proxy.core.static_keys import SHORTEST, StaticKeys

KEY, OTHER = "k" * SHORTEST, "o" * SHORTEST


def test_a_key_names_its_caller():
    """Without a namespace; blanks of a file's end are none of it."""
    keys, short = StaticKeys.of({"batch": f"{KEY}\n", "night": OTHER})
    assert keys.caller(fingerprint(KEY)) == Caller("batch", None)
    assert keys.caller(fingerprint(OTHER)) == Caller("night", None)
    assert keys.caller(fingerprint(KEY + "x")) is None
    assert short == []


def test_a_key_that_can_be_guessed_is_not_taken():
    """An empty one would let everybody in."""
    keys, short = StaticKeys.of({"empty": "", "blank": " " * SHORTEST, "short": f"{KEY[1:]}  ", "good": KEY})
    assert short == ["blank", "empty", "short"]
    assert [keys.caller(fingerprint(each)) for each in ("", " " * SHORTEST, KEY[1:])] == [None, None, None]
    assert keys.caller(fingerprint(KEY)) == Caller("good")


def test_a_key_with_the_name_of_all_others_is_not_taken():
    """It would be counted with those who have no name of their own in metrics."""
    keys, untaken = StaticKeys.of({OTHERS: KEY, "another": OTHER})
    assert (OTHERS, untaken) == ("other", ["other"])
    assert keys.caller(fingerprint(KEY)) is None
    assert keys.caller(fingerprint(OTHER)) == Caller("another")


def test_every_key_is_compared(monkeypatch):
    """How long it takes tells nothing of which one matched."""
    compared = []
    monkeypatch.setattr("hmac.compare_digest", lambda a, b: compared.append(a) or a == b)
    keys, _ = StaticKeys.of({"a": KEY, "b": OTHER, "c": KEY})
    keys.caller(fingerprint(KEY))
    assert len(compared) == 3


def test_a_service_account_is_read_of_a_users_name():
    """And nothing else is one."""
    assert of_user("system:serviceaccount:web:frontend") == Caller("web/frontend", "web")
    for other in ("", "admin", "system:node:n1", "system:serviceaccount:", "system:serviceaccount:web"):
        assert of_user(other) is None
