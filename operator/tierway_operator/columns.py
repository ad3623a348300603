"""What `kubectl get` shows of both kinds.

kubectl prints the first result of a path and can neither count nor divide: figures come from `status.summary`, which is
text made for this. Wide columns show with `-o wide` only.
"""

from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Column:
    name: str
    path: str
    description: str
    type: Literal["string", "integer", "date"] = "string"
    wide: bool = False

    def as_printer_column(self) -> dict[str, Any]:
        column = {"name": self.name, "type": self.type, "description": self.description, "jsonPath": self.path}
        return {**column, "priority": 1} if self.wide else column


def _condition(name: str, part: str = "status") -> str:
    return f'.status.conditions[?(@.type=="{name}")].{part}'


READY = Column("Ready", _condition("Ready"), "Whether the newest spec is in force.")
AGE = Column("Age", ".metadata.creationTimestamp", "Time since the object was created.", type="date")
REASON = Column("Reason", _condition("Ready", "reason"), "Why it is ready or not.", wide=True)

TIER_COLUMNS = (
    Column("Models", ".status.summary.models", "Models that can be used, of all."),
    Column("TTFT-P95", ".status.summary.ttftP95", "95th percentile of the time to first token."),
    Column("Limit", ".status.summary.limit", "Greatest limit of the models for the time to first token."),
    Column("Tok/s", ".status.summary.tokensPerSecond", "Output tokens a second, median."),
    Column("Errors", ".status.summary.errors", "Share of attempts that failed today (UTC)."),
    Column("Cost-Today", ".status.summary.costToday", "What the tier cost today (UTC)."),
    READY,
    AGE,
    Column("Attempts", ".status.today.requests", "Attempts that were sent today (UTC).", type="integer", wide=True),
    Column("Output-Tokens", ".status.today.outputTokens", "Output tokens of today (UTC).", type="integer", wide=True),
    Column("Available", _condition("Available"), "Whether some provider answers.", wide=True),
    Column("Within-Limits", _condition("WithinThresholds"), "Whether the models hold their limits.", wide=True),
    REASON,
)

POLICY_COLUMNS = (
    Column("Requests", ".status.summary.requests", "Requests of today (UTC)."),
    Column("Spend", ".status.summary.spendToday", "What they cost."),
    Column("Saved", ".status.summary.saved", "How much less than the baseline."),
    Column("Programmed", ".status.summary.programmed", "Proxies that loaded the newest table, of all that serve."),
    READY,
    AGE,
    Column("Baseline", ".status.today.baselineCost", "What the baseline model would have cost today (UTC).", wide=True),
    Column(
        "Fallbacks", ".status.today.fallbacks", "Requests answered by a later candidate.", type="integer", wide=True
    ),
    Column("Shed", ".status.today.shed", "Requests that no candidate could take.", type="integer", wide=True),
    Column(
        "Classifier", ".status.classifier.model", "The classifier's model: general, or the policy's own.", wide=True
    ),
    Column("In-Force", ".status.programmedGeneration", "Generation that proxies serve.", type="integer", wide=True),
    REASON,
)
