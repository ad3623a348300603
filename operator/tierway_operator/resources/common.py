"""The words that both kinds share: names, money, numbers, references, and the metadata that we read.

Every text has a maximum length and every number a maximum: the API server estimates the cost of CEL rules from them and
refuses a CustomResourceDefinition whose rules could be dear.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Final

from pydantic import Field

from tierway_operator.resources.schema import Format, Rule, Shape

GROUP: Final = "tierway.dev"
VERSION: Final = "v1alpha1"
API_VERSION: Final = "tierway.dev/v1alpha1"

_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
LABEL_PATTERN = f"^{_LABEL}$"
NAME_PATTERN = rf"^{_LABEL}(\.{_LABEL})*$"
_DATA_KEY = "^[-._a-zA-Z0-9]+$"
_MODEL_NAME = "^[a-zA-Z0-9]([-._:/@a-zA-Z0-9]*[a-zA-Z0-9])?$"
_CALLER = "^[-._a-zA-Z0-9]+(/[-._a-zA-Z0-9]+)?$"
_HEADER_NAME = "^[-!#$%&'*+.^_`|~0-9a-zA-Z]+$"
_PRINTABLE = "^[!-~]([ -~]*[!-~])?$"
_MONEY = r"^(0|[1-9][0-9]{0,8})(\.[0-9]{1,6})?$"

Label = Annotated[str, Field(pattern=LABEL_PATTERN, max_length=63)]
ObjectName = Annotated[str, Field(pattern=NAME_PATTERN, max_length=253)]
DataKey = Annotated[str, Field(pattern=_DATA_KEY, max_length=253)]
ModelName = Annotated[str, Field(pattern=_MODEL_NAME, max_length=128)]
CallerName = Annotated[str, Field(pattern=_CALLER, max_length=317)]
HeaderName = Annotated[str, Field(pattern=_HEADER_NAME, max_length=128)]
# At most six decimals a million tokens: an integer of pico-dollars a token.
Money = Annotated[str, Field(pattern=_MONEY, max_length=16)]
# What a provider calls a model, or a header's value: no control characters, no blanks around.
UpstreamModel = Annotated[str, Field(pattern=_PRINTABLE, max_length=256)]
HeaderValue = Annotated[str, Field(pattern=_PRINTABLE, max_length=1024)]

PATTERNS_IN_WORDS: Final[Mapping[str, str]] = {
    LABEL_PATTERN: "must be lower-case letters, digits and hyphens, with a letter or digit at both ends",
    NAME_PATTERN: "must be lower-case letters, digits, hyphens and dots, each part with a letter or digit at both ends",
    _DATA_KEY: "must be letters, digits, hyphens, dots and underscores",
    _MODEL_NAME: "must be letters, digits and the characters - . _ : / @, with a letter or digit at both ends",
    _CALLER: "must be a ServiceAccount as namespace/name, or the name of a static key",
    _HEADER_NAME: "must be the name of an HTTP header, without blanks and colons",
    _PRINTABLE: "must be printable ASCII, without blanks around it",
    _MONEY: 'must be an amount such as "0.25": digits, at most six after a point, no sign or exponent, no leading zero',
}
"""What a user is told instead of a regular expression, by the store that words its own refusals."""

_MAX_INT32 = 2**31 - 1
Count32 = Annotated[int, Field(ge=0, le=_MAX_INT32), Format("int32")]
Positive32 = Annotated[int, Field(ge=1, le=_MAX_INT32), Format("int32")]
# The API server reads bounds as floats: a greater maximum would be rounded out of int64, and refuse every value.
Count64 = Annotated[int, Field(ge=0, le=2**53 - 1), Format("int64")]
# An hour: a longer wait is a slip of the pen, and sums of such waits still fit an int32.
_MAX_WAIT_MILLISECONDS = 3_600_000
Milliseconds = Annotated[int, Field(ge=0, le=_MAX_WAIT_MILLISECONDS), Format("int32")]
PositiveMilliseconds = Annotated[int, Field(ge=1, le=_MAX_WAIT_MILLISECONDS), Format("int32")]
Timestamp = Annotated[str, Field(max_length=64), Format("date-time")]

# Headers that the proxy or HTTP itself sets: a fixed value here would break framing or leak one party's key to another.
NOT_OURS_TO_SET = Rule(
    "!self.matches('(?i)^(connection|keep-alive|te|trailer|transfer-encoding|upgrade|expect|host|proxy-.*"
    "|content-length|content-type|content-encoding|accept|accept-encoding|cookie)$')",
    "this header is set by the proxy or by HTTP itself; name another one",
)


class TierRef(Shape):
    name: ObjectName
    """Name of the ModelTier. Required."""
    namespace: Label | None = None
    """Namespace of the ModelTier. Default: the namespace of this policy. A tier of another namespace can be used only
    when its `spec.allowedPolicies` lets this policy's namespace in; otherwise `ResolvedRefs` turns False with the
    reason `RefNotPermitted`."""


class KeyRef(Shape):
    name: ObjectName
    """Name of the object, in the namespace of this ModelTier. Required."""
    key: DataKey
    """Key of the object's data that holds the value. Required."""


class Metadata(Shape):
    """The part of an object's metadata that the operator reads."""

    name: str
    namespace: str
    uid: str = ""
    resource_version: str = ""
    generation: int = 1
    creation_timestamp: datetime | None = None
    labels: dict[str, str] = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict)
