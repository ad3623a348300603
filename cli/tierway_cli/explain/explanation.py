"""All that is said of one request, as values: text and JSON are two views of it."""

from dataclasses import dataclass
from typing import Final, Literal, get_args

from multidict import CIMultiDict

from tierway_cli.explain.offers import ANSWER_TOKENS, Offer, offers
from tierway_cli.explain.requests import Request
from tierway_proxy.contract.table import Classifier, Preset
from tierway_proxy.core.ask import Ask
from tierway_proxy.core.caller import Caller
from tierway_proxy.core.catalog import Catalog
from tierway_proxy.core.classify import classify, examine
from tierway_proxy.core.explained import note
from tierway_proxy.core.health import Health
from tierway_proxy.core.plan import Plan, decide
from tierway_proxy.core.refusal import Refusal

PRESETS: Final[tuple[Preset, ...]] = get_args(Preset)

UNNAMED: Final = "--caller names none"

Source = Literal["request", "option", "default"]


@dataclass(frozen=True)
class Assumed:
    """The length of the answer that costs are for, before limits; `source`: who said so."""

    output_tokens: int
    source: Source


@dataclass(frozen=True)
class Sender:
    """What rules and pins look at besides the request. `caller` None: nobody whom the release knows."""

    headers: CIMultiDict[str]
    caller: Caller | None = None


@dataclass(frozen=True)
class Explanation:
    """`ask`: what the classifier says, whether or not it was asked. Without a policy there is no `decision`."""

    request: Request
    ask: Ask
    options: Classifier
    assumed: Assumed
    policy: str | None = None
    decision: Plan | Refusal | None = None
    offers: tuple[Offer, ...] = ()
    caller: Caller | None = None

    @property
    def decided_otherwise(self) -> bool:
        """Whether a rule, a header or a pin decided, so that the classifier had no say."""
        return isinstance(self.decision, Plan) and self.decision.ask != self.ask

    @property
    def note(self) -> str | None:
        """Which rules would need a caller that nobody named."""
        return note(self.decision, self.caller, UNNAMED) if isinstance(self.decision, Plan) else None

    @property
    def sent(self) -> Offer | None:
        """What the request would be sent to; None where it is refused, and without a policy."""
        return next((each for each in self.offers if each.turn == 1), None)


def explain(request: Request, catalog: Catalog | None, sender: Sender, option: int | None) -> Explanation:
    """`option`: the length of the answer, in tokens, if the user says one."""
    fields, options = request.fields, Classifier() if catalog is None else catalog.table.classifier
    seen = examine(fields)
    ask, assumed = classify(fields, seen, options), _assumed(option, seen.output_tokens)
    if catalog is None:
        return Explanation(request, ask, options, assumed)
    decision = decide(catalog, fields, sender.headers, Health(), 0.0, sender.caller)
    found = offers(catalog, decision, ask, assumed.output_tokens)
    return Explanation(request, ask, options, assumed, catalog.table.policy, decision, tuple(found), sender.caller)


def by_preset(request: Request, options: Classifier) -> dict[Preset, Ask]:
    """What the request would be by each preset, with the same model."""
    seen = examine(request.fields)
    return {
        preset: classify(request.fields, seen, options.model_copy(update={"preset": preset, "boundaries": None}))
        for preset in PRESETS
    }


def _assumed(option: int | None, asked: int | None) -> Assumed:
    if option is not None:
        return Assumed(option, "option")
    return Assumed(ANSWER_TOKENS, "default") if asked is None else Assumed(asked, "request")
