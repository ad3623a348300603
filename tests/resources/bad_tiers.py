"""ModelTiers that both stores refuse."""

from typing import Any

from tests.resources.bad import Bad, bad_tier
from tests.resources.documents import REMOVED, tier

PRICE = {"inputPerMillionTokens": "1", "outputPerMillionTokens": "1"}
URL = "spec.providers[0].baseURL"


def _url(what: str, url: str, reason: str) -> Bad:
    return bad_tier(f"a base URL that {what}", URL, url, reason, rule=True)


def _header(what: str, name: str, reason: str) -> Bad:
    path = "spec.providers[0].headers"
    return bad_tier(what, path, [{"name": name, "value": "x"}], reason, f"{path}[0].name", rule=True)


def _price(what: str, value: Any, reason: str) -> Bad:
    return bad_tier(what, "spec.models[0].price.outputPerMillionTokens", value, reason)


BASE_URLS = (
    _url("is no URL", "api.example.com", "write an absolute URL"),
    _url("has another scheme", "ftp://api.example.com/v1", "write an absolute URL"),
    _url("holds a password", "https://me:secret@api.example.com/v1", "no user"),
    _url("has a query", "https://api.example.com/v1?key=1", "query"),
    _url("has a fragment", "https://api.example.com/v1#a", "fragment"),
    _url("is a number in disguise", "https://2852039166/v1", "write an absolute URL"),
    _url("sends keys in clear over the internet", "http://api.example.com/v1", "use https"),
    _url("may be a public domain", "http://openai.com/v1", "looks like a public domain"),
    _url("is plain http to an address", "http://10.0.0.1/v1", "use https"),
    _url("only looks like loopback", "http://127.0.0.1.example.com/v1", "use https"),
    _url("only looks like a Service", "http://a.b.svc.cluster.local.example.com/v1", "use https"),
    _url("is a cloud's metadata service", "http://169.254.169.254/v1", "link-local"),
    _url("is a link-local IPv6 address", "https://[fe80::1]/v1", "link-local"),
    _url("hides a link-local address in IPv6", "https://[::ffff:169.254.169.254]/v1", "link-local"),
)

HEADERS = (
    _header("a header of HTTP framing", "Content-Length", "set by the proxy or by HTTP itself"),
    _header("a hop-by-hop header", "transfer-encoding", "set by the proxy or by HTTP itself"),
    _header("the host header", "Host", "set by the proxy or by HTTP itself"),
    _header("a header of proxies", "Proxy-Authorization", "set by the proxy or by HTTP itself"),
    _header("a key in a header that everybody can read", "Authorization", "use credentialRef"),
    bad_tier(
        "a header name with a blank",
        "spec.providers[0].headers",
        [{"name": "x org", "value": "x"}],
        "name of an HTTP header",
        "spec.providers[0].headers[0].name",
    ),
    bad_tier(
        "a header value that breaks the line",
        "spec.providers[0].headers",
        [{"name": "x-org", "value": "a\r\nb: c"}],
        "printable ASCII",
        "spec.providers[0].headers[0].value",
    ),
    bad_tier(
        "a header value that ends with a newline",
        "spec.providers[0].headers",
        [{"name": "x-org", "value": "a\n"}],
        "printable ASCII",
        "spec.providers[0].headers[0].value",
    ),
    bad_tier(
        "one header in two spellings",
        "spec.providers[0].headers",
        [{"name": "X-Org", "value": "a"}, {"name": "x-org", "value": "b"}],
        "named twice",
        rule=True,
    ),
    Bad(
        "a header that is the key's",
        tier(
            {
                "spec.providers[0].auth": {"scheme": "Header", "headerName": "X-API-Key"},
                "spec.providers[0].headers": [{"name": "x-api-key", "value": "a"}],
            }
        ),
        "spec.providers[0].headers",
        "the header that carries the key",
        rule=True,
    ),
    bad_tier(
        "the key in a framing header",
        "spec.providers[0].auth",
        {"scheme": "Header", "headerName": "Host"},
        "set by the proxy or by HTTP itself",
        "spec.providers[0].auth.headerName",
        rule=True,
    ),
    bad_tier(
        "a header scheme without a header", "spec.providers[0].auth", {"scheme": "Header"}, "headerName", rule=True
    ),
    bad_tier(
        "a bearer key in a named header", "spec.providers[0].auth", {"headerName": "x-key"}, "headerName", rule=True
    ),
)

PROVIDERS_AND_MODELS = (
    Bad("a tier called auto", tier({"metadata.name": "auto"}), "metadata", "a tier cannot be called auto", rule=True),
    bad_tier("a name that Kubernetes refuses", "metadata.name", "Small_One", "must be lower-case letters"),
    bad_tier("no spec", "spec", REMOVED, "is required"),
    bad_tier("no providers", "spec.providers", REMOVED, "is required"),
    bad_tier("an empty list of providers", "spec.providers", [], "at least 1"),
    bad_tier("no models", "spec.models", [], "at least 1"),
    bad_tier("a list that is none", "spec.models", "m1", "must be a list"),
    bad_tier("no base URL", URL, REMOVED, "is required"),
    bad_tier("an empty base URL that YAML reads as null", URL, None, "is required"),
    bad_tier(
        "two providers of one name",
        "spec.providers[1]",
        {"name": "us", "baseURL": "https://b.example.com"},
        "stands twice",
    ),
    bad_tier("a provider name in capitals", "spec.providers[0].name", "US", "must be lower-case letters"),
    bad_tier("a Secret without a key", "spec.providers[0].credentialRef", {"name": "k"}, "is required",
             "spec.providers[0].credentialRef.key"),
    bad_tier("no room for any request", "spec.providers[0].maxConcurrentRequests", 0, "at least 1"),
    bad_tier("an unknown compatibility", "spec.providers[0].compatibility", {"outputLimitParameter": "max"},
             "must be max_tokens or max_completion_tokens", "spec.providers[0].compatibility.outputLimitParameter"),
    bad_tier("two models of one name", "spec.models[1]", {"name": "m1", "price": PRICE}, "stands twice"),
    bad_tier("a model called auto", "spec.models[0].name", "auto", "auto is what clients write", rule=True),
    bad_tier("a model name with a blank", "spec.models[0].name", "GLM 5", "must be letters, digits"),
    bad_tier("a model name beyond all bounds", "spec.models[0].name", "m" * 129, "at most 128 characters"),
    bad_tier("an upstream name with a newline", "spec.models[0].upstreamModel", "m\n1", "printable ASCII"),
    bad_tier("an unknown state", "spec.models[0].state", "Off", "must be Active or Draining or Disabled"),
    bad_tier("an unknown capability", "spec.models[0].capabilities", ["Telepathy"], "must be Tools or Vision",
             "spec.models[0].capabilities[0]"),
    bad_tier("a capability twice", "spec.models[0].capabilities", ["Tools", "Tools"], "stands twice",
             "spec.models[0].capabilities[1]"),
    bad_tier("a model without price", "spec.models[0].price", REMOVED, "is required"),
    _price("a price without output", REMOVED, "is required"),
    _price("a price that is a number", 0.25, 'put it in quotes, "0.25"'),
    _price("a price of seven decimals", "0.0000001", "at most six"),
    _price("a negative price", "-1", "must be an amount"),
    _price("a price with an exponent", "1e-3", "must be an amount"),
    _price("a price with a leading zero", "01", "must be an amount"),
    _price("a price with a currency", "$0.25", "must be an amount"),
    _price("a price with a newline", "0.25\n", "must be an amount"),
    bad_tier("a limit of nothing", "spec.models[0].limits", {"maxTTFTMilliseconds": 0}, "at least 1",
             "spec.models[0].limits.maxTTFTMilliseconds"),
    bad_tier("a limit in text", "spec.models[0].limits", {"maxTTFTMilliseconds": "160ms"}, "must be a whole number",
             "spec.models[0].limits.maxTTFTMilliseconds"),
    bad_tier("a limit with a fraction", "spec.models[0].limits", {"minOutputTokensPerSecond": 6.5}, "a whole number",
             "spec.models[0].limits.minOutputTokensPerSecond"),
    bad_tier("a window beyond an int32", "spec.models[0].contextWindowTokens", 2**31, "at most 2147483647"),
    Bad("an answer longer than the window",
        tier({"spec.models[0].contextWindowTokens": 1000, "spec.models[0].maxOutputTokens": 1001}),
        "spec.models[0].maxOutputTokens", "cannot be greater than contextWindowTokens", rule=True),
    bad_tier("an endpoint at nobody's", "spec.models[0].endpoints", [{"provider": "eu"}],
             "each endpoint must name a provider", "spec.models", rule=True),
    bad_tier("an endpoint twice", "spec.models[0].endpoints", [{"provider": "us"}, {"provider": "us"}], "stands twice",
             "spec.models[0].endpoints[1]"),
    bad_tier("no endpoint at all", "spec.models[0].endpoints", [], "at least 1"),
    bad_tier("everybody who may use it, by another word", "spec.allowedPolicies", {"from": "Everybody"},
             "must be Same or All or Namespaces", "spec.allowedPolicies.from"),
    bad_tier("listed namespaces that nobody lists", "spec.allowedPolicies", {"from": "Namespaces"},
             "list namespaces when, and only when", "spec.allowedPolicies.namespaces", rule=True),
    bad_tier("namespaces that do not count", "spec.allowedPolicies", {"namespaces": ["other"]},
             "list namespaces when, and only when", "spec.allowedPolicies.namespaces", rule=True),
)  # fmt: skip

BAD_TIERS = (*BASE_URLS, *HEADERS, *PROVIDERS_AND_MODELS)
