"""Keys, passwords, e-mail addresses and account numbers taken out of a text before anybody keeps it.

It knows forms, not meanings: what has the form of a key goes, a little too much rather than too little, and a name, a
street or a password told in prose stays. Every pattern does work in proportion to the text, whatever the text is:
repetitions are bounded, or possessive and of one set of characters that nothing before them can give back.
"""

# ruff: noqa: RUF001 - words of other scripts are looked for

import re
import string
from typing import Final

KEY: Final = "[key]"
EMAIL: Final = "[e-mail]"
NUMBER: Final = "[number]"
DATA: Final = "[data]"

KEPT: Final = 4096
"""Characters kept at each end of a text that is longer than both."""
MARGIN: Final = 512
"""Characters read beyond them, so that a secret is seen whole before its text is cut."""
CUT: Final = "\n[…]\n"

_UNSEEN: Final = 64
"""What may be left at the edge of what was read of a secret with gaps, as account numbers have them."""

_PRIVATE = "[A-Z ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
_PEM: Final = re.compile(
    rf"-----BEGIN {_PRIVATE}(?s:.*?)(?:-----END {_PRIVATE}|\Z)"
    rf"|\A(?:[^-]++|-(?!----BEGIN|----END))*+-----END {_PRIVATE}"  # its beginning was cut off
)
_DATA_URL: Final = re.compile(r"data:[\w/.+;=%-]{1,128}base64,[A-Za-z0-9+/=_%-]*+")
_ISSUED: Final = re.compile(
    r"(?<![A-Za-z])sk-[\w-]{8,}+|sk-(?=[a-zA-Z_-]{0,60}[0-9])[\w-]{20,}+"  # OpenAI and many others; not "task-force"
    r"|gh[a-z]_\w{16,}+|github_pat_\w{16,}+|glpat-[\w-]{16,}+"
    r"|A[A-Z]IA[A-Z0-9]{12,}+"  # AWS
    r"|AIza[\w-]{16,}+|ya29\.[\w-]{16,}+"  # Google
    r"|xox[a-z]-[\w-]{8,}+|xapp-[\w-]{8,}+"  # Slack
    r"|[sr]k_(?:live|test)_\w{8,}+|whsec_\w{16,}+"  # Stripe
    r"|hf_\w{16,}+|gsk_\w{16,}+|xai-\w{16,}+|npm_\w{16,}+|pypi-[\w-]{16,}+|SG\.[\w-]{16,}+"
    r"|eyJ[\w-]{8,}+(?:\.[\w-]*+){0,4}",  # JSON web tokens
    re.ASCII,
)
_BEARER: Final = re.compile(
    r"([Bb]earer|BEARER)([\s:]{1,4})(?:(?=[\w.~+/-]{0,16}[0-9])[\w.~+/-]{8,}+|[\w.~+/-]{16,}+)=*+", re.ASCII
)
_IN_URL: Final = re.compile(r"(?<=://)[^\s/@:]{0,256}:[^\s/@]{1,256}(?=@)")
_NAMES: Final = (
    r"pass(?:word|wd|phrase|code|wort)|(?<=[_-])pass(?![a-z])|pwd"
    r"|contrase[nñ]a|senha|mot de passe|пароль|密码|密碼|パスワード"
    r"|(?:api|access|auth|account|private|secret|encryption|signing)[ _-]?key|secret|credentials?|authorization|token"
)
_ASSIGNED: Final = re.compile(
    rf"((?:{_NAMES})(?:[_-]\w{{1,24}})?[\\\"'`\]]{{0,4}}\s{{0,4}}(?::=|=>|==|[:=：])\s{{0,4}}"
    r"(?:(?:basic|bearer|token)\s{1,4})?(?:\\{0,3}[\"'`])?)"
    r"(?:(?<=[^\\]\")(?:[^\"\\\n]|\\.)++|(?<=\")[^\"\n]++|(?<=')[^'\n]++|(?<=`)[^`\n]++|[^\s\"'`]{4,}+)",
    re.IGNORECASE,
)
_NAME: Final = re.compile(_NAMES, re.IGNORECASE)
_SPACED = r"[A-Za-z0-9._+\-\u00c0-\u052f]"  # of scripts that part words: in others the words beside it would go too
_EMAIL: Final = re.compile(
    rf"(?<!{_SPACED}){_SPACED}++(?:@|＠|%40)(?:{_SPACED}(?<!\.))++(?:\.(?:{_SPACED}(?<!\.))++)++"
)
_GAP = r"[ .\-–\u00a0\u2009\u202f/]"
_NUMBER: Final = re.compile(
    rf"\d{{13,}}+|\d{{4}}{_GAP}\d{{4}}{_GAP}\d{{4}}{_GAP}\d++|\d{{4}}{_GAP}\d{{6}}{_GAP}\d{{4,}}+"  # cards
    r"|[A-Z]{2}[0-9]{2}(?:[ -]?[A-Z0-9]{4}){2,7}[ -]?[A-Z0-9]++"  # IBANs
)
_UNBROKEN: Final = string.ascii_letters + string.digits + "_+/=.~%-"
"""What a key or an address is made of."""


def redacted(text: str) -> str:
    """The text without its secrets, and without what is no text (data: URLs, halves of surrogate pairs)."""
    text = _PEM.sub(KEY, _whole(text))
    text = _DATA_URL.sub(DATA, text)
    text = _ASSIGNED.sub(rf"\1{KEY}", text)  # before those that could take its name along and leave its value
    text = _ISSUED.sub(KEY, text)
    text = _BEARER.sub(rf"\1\2{KEY}", text)
    text = _IN_URL.sub(KEY, text)
    text = _EMAIL.sub(EMAIL, text)
    return _NUMBER.sub(NUMBER, text)


def names_a_secret(name: str) -> bool:
    """Whether what has this name is a secret whatever its form: `db_password`, `apiKey`."""
    return _NAME.search(name) is not None


def redacted_ends(head: str, tail: str) -> str:
    """The two ends of a longer text, of `KEPT + MARGIN` characters each, as its ends of `KEPT` without their secrets.

    What is cut through at an inner edge could not be known for a secret, so the edge itself goes.
    """
    head, tail = redacted(head.rstrip(_UNBROKEN)), redacted(tail.lstrip(_UNBROKEN))
    return head[:-_UNSEEN][:KEPT] + CUT + tail[_UNSEEN:][-KEPT:]


def cut(text: str) -> str:
    """A redacted text of at most `2 * KEPT` characters."""
    return text if len(text) <= 2 * KEPT else text[:KEPT] + CUT + text[-KEPT:]


def _whole(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace").decode()
    return text
