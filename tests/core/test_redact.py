"""No secret of a known form is left in a text that is kept, whatever stands around it and however long it is."""

# ruff: noqa: RUF001 - words of other scripts are looked for

import string
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tierway_proxy.core.redact import CUT, KEPT, MARGIN, names_a_secret, redacted, redacted_ends

WORD = string.ascii_letters + string.digits
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"
PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA7bq\nY2hhbmdlbWU+abc/def==\n-----END RSA PRIVATE KEY-----"


def run(alphabet, least, most):
    """Random characters, a digit among them as in every key that was ever issued."""
    return st.text(alphabet, min_size=least, max_size=most).map(lambda text: f"{text[:9]}7{text[9:]}")


def issued(*prefixes, alphabet=WORD, least=20):
    return st.builds(str.__add__, st.sampled_from(prefixes), run(alphabet, least, least + 30))


KEYS = (
    issued("sk-", "sk-proj-", "sk-ant-api03-", "sk-or-v1-", "glpat-", "AIza", alphabet=WORD + "_-")
    | issued("ghp_", "gho_", "ghs_", "github_pat_", "hf_", "gsk_", "sk_live_", "rk_test_", "npm_")
    | issued("AKIA", "ASIA", alphabet=string.ascii_uppercase + string.digits, least=16)
    | issued("xoxb-", "xoxp-", "xapp-", alphabet=WORD + "-")
    | issued("Bearer ", "bearer ", "BEARER ", alphabet=WORD + "._~+/-")
    | st.just(JWT)
    | st.just(PEM)
)
HOSTS = st.sampled_from(["example.com", "mail.example.co.uk", "müller.de", "a-b.io", "xn--p1ai.example"])
EMAILS = st.builds("{}@{}".format, st.text(WORD + "_+-", min_size=1, max_size=90), HOSTS)
NUMBERS = st.sampled_from(
    [
        *("4111111111111111", "4111 1111 1111 1111", "5500-0000-0000-0004", "3782 822463 10005", "378282246310005"),
        *("4111.1111.1111.1111", "6304000000000000123", "٤١١١١١١١١١١١١١١١", "4111\u00a01111\u00a01111\u00a01111"),
        *("GB82WEST12345698765432", "GB82 WEST 1234 5698 7654 32", "DE89 3704 0044 0532 0130 00", "NO9386011117947"),
        *("CH93 0076 2011 6238 5295 7", "MT84 MALT 0110 0001 2345 MTLC AST0 01S", "LC07HEMM000100010012001200013015"),
    ]
)
NAMES = st.sampled_from(
    [
        *("password", "PASSWORD", "db_password", "passwd", "pwd", "secret", "client_secret", "apiKey", "api-key"),
        *("API_KEY_PROD", "aws_secret_access_key", "access_token", "private key", "Passwort", "пароль", "密码"),
    ]
)
VALUES = run(WORD + "!#$%&*+,-./:;=?@^_|~()[]{}<>\\", 8, 40)
AROUND = st.text(max_size=60)


@given(AROUND, KEYS | EMAILS | NUMBERS, AROUND)
@example("Bearer 1234567890123456", "password=hunter22", "")
@example("task-", "sk-abcdefghijklmnopqrs7", "-force")
def test_no_planted_secret_survives(before, secret, after):
    """Whatever touches it on either side, and whatever else is there."""
    assert secret not in redacted(before + secret + after)


@given(AROUND, NAMES, st.sampled_from(["=", ": ", " = ", ":", " => ", '": "', "': '", '\\": \\"', "：", ":\n"]), VALUES)
@example("Bearer 1234567890123456", "password", "=", "hunter22")
@example("sk-12345678901234567890", "password", "=", "hunter22")
def test_no_assigned_value_survives(before, name, sign, value):
    """However it is written: environment, YAML, JSON, JSON within JSON, Ruby."""
    assert value not in redacted(f"{before}\n{name}{sign}{value}")


@given(st.sampled_from("\n ,;()[]<>'\"|，。"), KEYS | EMAILS | NUMBERS, st.sampled_from("\n ,;)>'\"|，。"))
def test_in_ordinary_surroundings_not_even_a_part_survives(before, secret, after):
    """Half a key is a hint, and half an address an address."""
    left = redacted(f"Please see{before}{secret}{after}which I sent")
    parts = [secret[at : at + 7] for at in range(len(secret) - 6)]
    assert [part for part in parts if part in left and part.lower() != "bearer "] == []
    assert left.startswith("Please see")
    assert left.endswith("which I sent")


@given(st.text(st.characters() | st.sampled_from("\ud800\udfff=:@-\"'"), max_size=300))
def test_any_text_is_redacted_to_what_can_be_written(text):
    """Halves of surrogate pairs come in, and UTF-8 goes out."""
    redacted(text).encode()


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Mail jane.doe@example.com, please.", "Mail [e-mail], please."),
        ("mailto:jane%40example.com?subject=x", "mailto:[e-mail]?subject=x"),
        ('curl -H "Authorization: Bearer abc.def-123456" x', 'curl -H "Authorization: Bearer [key]" x'),
        ("Authorization: Basic dXNlcjpwYXNz", "Authorization: Basic [key]"),
        ("export OPENAI_API_KEY=abcd1234 # mine", "export OPENAI_API_KEY=[key] # mine"),
        ('{"password": "correct horse battery"}', '{"password": "[key]"}'),
        ('{"password": "a\\"b c\\\\", "city": "Oslo"}', '{"password": "[key]", "city": "Oslo"}'),
        ("see sk-abcdefgh12-password=hunter22 there", "see [key]=[key] there"),
        ("DB_PASS: abcd1234 for the db", "DB_PASS: [key] for the db"),
        ('{\\"api_key\\": \\"a b c d\\"}', '{\\"api_key\\": \\"[key]"}'),
        ("postgres://admin:s3cret@db.internal/x", "postgres://[key]@db.internal/x"),
        (f"Is this right?\n{PEM}\nThanks", "Is this right?\n[key]\nThanks"),
        ("look: ![](data:image/png;base64,iVBORw0KGgo=) ok", "look: ![]([data]) ok"),
        ("-----BEGIN PRIVATE KEY-----\nabc", "[key]"),
        ("abc\ndef==\n-----END PRIVATE KEY-----\nand so on", "[key]\nand so on"),
        ("Card 4111 1111 1111 1111, exp 12/27", "Card [number], exp 12/27"),
    ],
)
def test_what_is_taken_is_named_and_the_rest_stays(text, left):
    """A labeller must see what kind of text it was."""
    assert redacted(text) == left


@pytest.mark.parametrize(
    "text",
    [
        "A task-force on risk-management-for-large-organisations met at our desk-sharing-and-kiosk-area.",
        "Continue: 2 4 6 8 10 12 14 16 18 20 22 24. Then 3.14159265358 and 1,000,000,000,000.",
        "Set max_tokens=1000, top_p: 0.9; the tokenizer = tokenizers.load(x)",
        "by_passenger: 1234, Pass: 1234 of 1300; @app.route decorators, 5 @ 3 EUR, a@b, on 2024-11-24T17:19:28Z",
        "The bearer instruments of the monkey: a keyboard, a turkey, a passport.",
        "请用中文写一首关于秋天的诗。",
    ],
)
def test_ordinary_text_stays(text):
    """A classifier learns nothing from a page of placeholders."""
    assert redacted(text) == text


@pytest.mark.parametrize("name", ["password", "dbPassword", "X-Api-Key", "clientSecret", "пароль"])
def test_names_of_secrets_are_known(name):
    """Where a value stands under a name of its own, as in JSON."""
    assert names_a_secret(name)
    assert not names_a_secret("city")


@st.composite
def cut_through(draw):
    """A secret and the two ends of a text as they are read, the edge of the first or the second within the secret.

    What shrinks to a placeholder lets even what stands at that edge into what is kept.
    """
    secret, seen = draw(KEYS | EMAILS | NUMBERS), KEPT + MARGIN
    # its host is that of no secret: what of it is left at the other end is none of the secret
    filler = draw(st.sampled_from([" ", "lorem ipsum, ", "somebody.with.a.long.name@host.org "])) * seen
    inside = draw(st.integers(1, len(secret)))
    if draw(st.booleans()):
        return secret, filler[: seen - inside - 1] + " " + secret[:inside], " " * seen
    return secret, " " * seen, secret[-inside:] + " " + filler[: seen - inside - 1]


@given(cut_through())
def test_a_secret_at_a_cut_goes_whole(cut):
    """Its first half in the kept head, or its last half in the kept tail, would be half a secret."""
    secret, head, tail = cut
    assert len(head) == len(tail) == KEPT + MARGIN
    left = redacted_ends(head, tail)
    parts = [secret[at : at + 9] for at in range(len(secret) - 8)]
    assert [part for part in parts if part in left] == []


@pytest.mark.parametrize(
    ("at_head", "at_tail"),
    [
        ("4111 1111 1111 ", " 1111 1111 1111"),
        ("x" * 100, "y" * 100),
        ("GB82 WEST 1234 ", "ST 1234 5698 7654 32"),
        ("sk-ab", JWT[-90:]),
    ],
    ids=["card", "address", "iban", "key"],
)
def test_what_is_seen_of_a_secret_beside_the_cut_goes(at_head, at_tail):
    """Too little of it to be known; around it much shrinks, so that all that was read would fit."""
    filler = "somebody.with.a.long.name@example.com " * KEPT
    head, tail = filler[: KEPT + MARGIN - len(at_head)] + at_head, at_tail + " " + filler
    tail = tail[: KEPT + MARGIN]
    left = redacted_ends(head[: -len(at_head) - 1] + " " + at_head, tail)
    assert [each for each in ("1111", "xxxx", "yyyy", "WEST", "5698", "sk-", JWT[-20:]) if each in left] == []


def test_the_ends_of_a_long_text_are_kept_as_they_are():
    """What is said at the beginning and at the end is what a person reads first."""
    words = " ".join(f"w{number}" for number in range(9000))
    edge = KEPT + MARGIN
    head, _, tail = redacted_ends(words[:edge], words[-edge:]).partition(CUT)
    assert (len(head), len(tail)) == (KEPT, KEPT)
    assert words.startswith(head)
    assert words.endswith(tail)


HOSTILE = [
    *("a", "@", "a@", "a@b.", "a.", "sk-", "sk-a", "password", "password  ", "password:", "token'", "secret_", "1"),
    *("1234 ", "AB12 ", "AB12CD34", "data:", "data:a;", "-", "-----BEGIN ", "-----BEGIN PRIVATE KEY", "eyJ", "eyJ.", "://"),
    *("://a", "://:a", "Bearer ", "Bearer a", "api key:\n", "密码", 'token\\\\"', "%40", "x@%40"),
]  # fmt: skip


@pytest.mark.parametrize("piece", HOSTILE)
@pytest.mark.parametrize("start", ["", "a@", "data:", "sk-", "://", "-----BEGIN PRIVATE KEY-----", "password="])
def test_hostile_text_costs_no_more_than_any_other(piece, start):
    """Work is in proportion to length: a quadratic pattern would take half a minute for this."""
    text = (start + piece * 120_000)[:120_000]
    began = time.process_time()
    redacted(text)
    assert time.process_time() - began < 3
