"""`spec.providers` of a ModelTier: where requests are sent, and with which key."""

from typing import Annotated, Literal

from pydantic import Field

from tierway_operator.resources.common import (
    NOT_OURS_TO_SET,
    HeaderName,
    HeaderValue,
    KeyRef,
    Label,
    Positive32,
)
from tierway_operator.resources.schema import Rule, Shape, keyed

AuthScheme = Literal["Bearer", "Header"]
StreamUsage = Literal["Supported", "Unsupported"]
OutputLimitParameter = Literal["max_tokens", "max_completion_tokens"]

_DNS = "[a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?"
# The last label starts with a letter: 2852039166 and 0xa9fea9fe are addresses in disguise, no names.
_LAST = "[a-zA-Z]([-a-zA-Z0-9]*[a-zA-Z0-9])?"
_IPV4 = "[0-9]{1,3}([.][0-9]{1,3}){3}"
_TAIL = "(:[0-9]{1,5})?(/[-a-zA-Z0-9._~!$&()*+,;=:@%/]*)?"

ABSOLUTE = Rule(
    rf"self.matches('^https?://(({_DNS}[.])*{_LAST}|{_IPV4}|\\[[0-9a-fA-F:.]+\\]){_TAIL}$')",
    "write an absolute URL such as https://api.example.com/v1: https (or http), a host name or address, an optional"
    " port and path; no user, query or fragment",
)
ENCRYPTED = Rule(
    "!self.startsWith('http://') || self.matches('^http://(localhost|127([.][0-9]{1,3}){3}|\\\\[::1\\\\]"
    f"|{_LAST}([.]{_DNS})?|({_DNS}[.])+svc([.]cluster[.]local)?){_TAIL}$')",
    "plain http is only for Services inside the cluster (name, name.namespace, name.namespace.svc,"
    " name.namespace.svc.cluster.local) and loopback; use https",
)
# A name of two labels may be service.namespace or a public domain; DNS decides too late, when the key is on its way.
NOT_PUBLIC = Rule(
    f"!self.matches('^http://{_LAST}[.]([a-zA-Z]{{2}}|com|net|org|dev|app|cloud|info|tech|chat|xyz)(:|/|$)')",
    "plain http to what looks like a public domain; use https, or write a Service as name.namespace.svc",
)
NOT_LINK_LOCAL = Rule(
    "!self.matches('(?i)^https?://(169[.]254[.]|\\\\[fe[89ab]|\\\\[::ffff:(169[.]254[.]|a9fe:))')",
    "link-local addresses (169.254.0.0/16, fe80::/10) are refused: metadata services of clouds listen there",
)
BaseURL = Annotated[str, Field(max_length=512), ABSOLUTE, ENCRYPTED, NOT_PUBLIC, NOT_LINK_LOCAL]

NOT_A_CREDENTIAL = Rule(
    "!self.matches('(?i)^authorization$')",
    "keys do not belong in spec.providers[].headers, where everybody can read them; use credentialRef",
)
ONCE = Rule(
    "self.all(a, self.exists_one(b, a.name.lowerAscii() == b.name.lowerAscii()))",
    "a header is named twice, upper and lower case being the same; remove one",
)


class Auth(Shape):
    cel = (
        Rule(
            "has(self.headerName) == (has(self.scheme) && self.scheme == 'Header')",
            "name the header in headerName when, and only when, scheme is Header",
        ),
    )

    scheme: AuthScheme | None = None
    """How the key is sent. `Bearer`: as `Authorization: Bearer KEY`. `Header`: the bare key as the value of the
    header `headerName`. Default: Bearer."""
    header_name: Annotated[HeaderName, NOT_OURS_TO_SET] | None = None
    """Name of the header that carries the key, e.g. `x-api-key`. Required with scheme `Header`, refused otherwise."""


class ProviderHeader(Shape):
    name: Annotated[HeaderName, NOT_OURS_TO_SET, NOT_A_CREDENTIAL]
    """Name of the header. Required. Headers of HTTP framing, `Host`, `Authorization`, `Content-Type` and the like are
    refused: they are the proxy's."""
    value: HeaderValue
    """Value of the header, printable ASCII. Required. Everybody who may read this object can read it: keys belong in
    `credentialRef`."""


class Compatibility(Shape):
    stream_usage: StreamUsage | None = None
    """Whether the provider reports token counts in a stream when asked (`stream_options.include_usage`).
    `Unsupported`: it is not asked, and output tokens are estimated and counted as estimates. Default: Supported."""
    output_limit_parameter: OutputLimitParameter | None = None
    """Name of the request's field that limits the answer's tokens at this provider. A client may use either name; the
    proxy translates. Default: max_tokens."""


class Provider(Shape):
    """An OpenAI-compatible API that serves the tier's models."""

    cel = (
        Rule(
            "!has(self.headers) || !has(self.auth) || !has(self.auth.headerName)"
            " || self.headers.all(h, h.name.lowerAscii() != self.auth.headerName.lowerAscii())",
            "headers cannot name the header that carries the key, auth.headerName",
            ".headers",
        ),
    )

    name: Label
    """Name of the provider within this tier, as endpoints, metrics and reasons call it, e.g. `us`. Required."""
    base_url: BaseURL
    """URL of the provider's OpenAI-compatible API, up to and including its version, e.g.
    `https://api.example.com/v1`; `/chat/completions` is appended. Required. `https`, or `http` for Services inside
    the cluster and loopback only. Link-local addresses are refused, here and when connecting."""
    region: Label | None = None
    """Where the provider runs, e.g. `us-east`. Proxies of the same region (a Helm value) prefer it among candidates
    of one tier and price. Default: no region, preferred by nobody."""
    credential_ref: KeyRef | None = None
    """The Secret, in this namespace, and its key that hold the provider's API key. The Secret must carry the label
    `tierway.dev/credential: "true"`, otherwise `ResolvedRefs` turns False; its annotation `tierway.dev/hosts` narrows
    the hosts that may receive the key. Default: no key is sent. A client's own key is never passed on."""
    auth: Auth | None = None
    """How the key of `credentialRef` is sent. Default: as a bearer token."""
    headers: Annotated[tuple[ProviderHeader, ...], Field(max_length=16), keyed("name"), ONCE] | None = None
    """Headers that are added to every request to this provider, e.g. an organization's id. At most 16. They replace
    headers of the same name that a client sent. Default: none."""
    ca_bundle_ref: KeyRef | None = None
    """The ConfigMap, in this namespace, and its key that hold the PEM certificates of the authorities that may sign
    the provider's certificate; it replaces the public ones. Default: the public authorities."""
    max_concurrent_requests: Positive32 | None = None
    """How many requests one proxy has open at this provider at once. A request above it goes to the next candidate
    without being sent. Default: no bound."""
    compatibility: Compatibility | None = None
    """Where the provider's API differs from OpenAI's. Default: it does not."""
