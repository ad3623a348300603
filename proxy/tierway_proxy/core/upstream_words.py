"""An upstream's sentence as a caller may read it: what was wrong with the request, and nothing of where it went.

A fault of the request is explained best by who found it. But servers also name themselves: addresses, hosts, files,
keys and ids are taken out. What looks like a host stays only when it is a known way to name a part of the request.
"""

import re

_MOST_CHARACTERS = 400
_MOST_READ = 4_000
_REMOVED = "[removed]"

# the first word of a path into a request, as OpenAI, vLLM, FastAPI and JSON Schema write them
_PART = re.compile(
    r"audio|body|content|functions?|image|input|json|logprobs|max_(?:completion_)?tokens|messages?|metadata|modalities"
    r"|model|parameters|parts|prediction|prompt|properties|reasoning|request|schema|stop|stream|temperature|text"
    r"|thinking|tools?|user"
)
_SUFFIX = re.compile(
    r"ai|app|arpa|cloud|cluster|com|corp|dev|home|internal|intranet|io|lan|local|localdomain|net|org|pod|svc"
)

_SECRETS = re.compile(
    r"""
    [A-Za-z][A-Za-z0-9+.-]{1,20}://\S+
    | \barn:\S+
    | (?<![\w.+-])[\w.+-]++@[\w-]+\.[\w.-]+                                        # an e-mail address
    | (?i:\bauthorization)["']?\s*[:=]\s*\S+(?:\s+\S+)?
    | (?i:\bbearer)\s+\S+
    | (?i:\bbasic)\s+(?=[A-Za-z0-9][a-z]*[A-Z0-9+/=])[\w+/=-]{4,}                 # not "Basic authentication"
    | (?i:api[-_ ]?key)["']?(?:\s+\w+)?\s*[:=]\s*\S+
    | (?i:password|passwd|secret|token|credentials?)=\S+
    | (?<![A-Za-z0-9])(?i:sk|pk|rk|gsk|hf|ghp|xai)[-_][\w-]{4,}
    | (?<![A-Za-z0-9])(?i:org|key|tok|proj|req|acct)-[\w-]{6,}
    | (?<![A-Za-z0-9])(?i:org|key|tok|proj|req|acct|user)[-_](?=\w*[A-Z0-9])\w{3,}
    | \beyJ[\w.-]{8,}                                                             # a JSON web token
    | (?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?!\.?\d)(?::\d+|/\d+)?
    | \[?(?<![\w:])(?:(?:[0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]{1,4}
      |(?=[0-9A-Fa-f:]{0,40}[0-9A-Fa-f])(?:[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{1,4}){0,6})?
       ::(?:[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{1,4}){0,6})?)(?:\.\d{1,3}){0,3}(?:%\w+)?(?!\w)(?:\](?::\d+)?)?
    | (?<![\w/<)\].-])[.~]{0,2}/(?!(?:body/)?(?:messages|tools|functions|content)/\d)[\w.@%+=:~-]+(?:/[\w.@%+=:~-]+)*/?
    | (?<![A-Za-z0-9])[A-Za-z]:\\\S+ | \\\\\w\S+                                  # files of other systems
    """,
    re.VERBOSE,
)
_OPAQUE = re.compile(r"[A-Za-z0-9+/_-]{20,}={0,2}")
_WORDS = re.compile(r"(?:[A-Z]{0,4}[a-z]{2,}+[_/-]*)+")
_HOST = re.compile(r"(?<![\w-])[\w-]+(?:(?:\.[\w-]+)+(?::\d{2,5})?|:(?:80|443|\d{4,5}))(?!\w)")


def without_secrets(message: str) -> str:
    """At most 400 characters of it, with `[removed]` in the place of whatever tells of the upstream."""
    if len(message) > _MOST_READ:  # and not half of a word, which may be half of a key
        message = message[:_MOST_READ].rpartition(" ")[0]
    said = _SECRETS.sub(_REMOVED, message)
    said = _HOST.sub(_host, _OPAQUE.sub(_opaque, said))
    return said[:_MOST_CHARACTERS].strip()


def _opaque(found: re.Match[str]) -> str:
    """Long strings that are no words; shorter ones only when letters and digits are mixed without a joint."""
    text = found[0]
    if len(text) >= 32:
        return text if _WORDS.fullmatch(text) else _REMOVED
    mixed = text.isalnum() and not text.isalpha() and not text.isdigit()
    return _REMOVED if mixed else text


def _host(found: re.Match[str]) -> str:
    """A dotted name or one with a port. A host's name has no `_` and ends in letters; a path into a request may."""
    text, before = found[0], found.string[max(0, found.start() - 2) : found.start()]
    name, _, port = text.partition(":")
    labels = name.lower().split(".")
    if _SUFFIX.fullmatch(labels[-1]) or "svc" in labels:
        return _REMOVED
    if _PART.fullmatch(labels[0]) or before in ("].", "$."):
        return text
    if port:
        return _REMOVED
    return text if len(labels) < 3 or "_" in labels[0] or labels[-1].isdigit() else _REMOVED
