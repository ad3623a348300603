"""What holds when a user wrote nothing, and may be another value in a later release.

The compiler applies these; the schema does not, because the API server would write them into every stored object,
where no later release could change them. A default that can never change stands in the schema instead: who may use a
tier (`allowedPolicies.from`), how a header is compared. Each is also told in its field's description.
"""

from typing import Final

from tierway_operator.resources.model import ModelState, Reasoning
from tierway_operator.resources.provider import AuthScheme, OutputLimitParameter, StreamUsage
from tierway_operator.resources.routing import (
    ClassifierPreset,
    OnOutputLimitExceeded,
    OnSlowFirstToken,
    OnUncertain,
    Pin,
    UnknownModels,
    UpstreamStreaming,
)

AUTH_SCHEME: Final[AuthScheme] = "Bearer"
STREAM_USAGE: Final[StreamUsage] = "Supported"
OUTPUT_LIMIT_PARAMETER: Final[OutputLimitParameter] = "max_tokens"

MODEL_STATE: Final[ModelState] = "Active"
REASONING: Final[Reasoning] = "None"
MAX_TTFT_PER_1K_INPUT_TOKENS_MILLISECONDS: Final = 0

PIN: Final[Pin] = "Allow"
UNKNOWN_MODELS: Final[UnknownModels] = "Reject"

CLASSIFIER_PRESET: Final[ClassifierPreset] = "Balanced"
ON_UNCERTAIN: Final[OnUncertain] = "Promote"

FALLBACK_DELAY_MILLISECONDS: Final = 100
ON_SLOW_FIRST_TOKEN: Final[OnSlowFirstToken] = "NextCandidate"  # noqa: S105 - a token of text, not a secret

UPSTREAM_STREAMING: Final[UpstreamStreaming] = "WhenPossible"
FIRST_TOKEN_TIMEOUT_MILLISECONDS: Final = 30_000
STALL_MILLISECONDS: Final = 30_000
BUFFER_BYTES: Final = 65_536

ON_OUTPUT_LIMIT_EXCEEDED: Final[OnOutputLimitExceeded] = "Clamp"
