"""Plans of requests whose class is given, for tests of who serves them."""

from tests.core.tables import catalog
from tierway_proxy.contract.state import State, Withdrawal
from tierway_proxy.core.health import FAILURES_TO_OPEN, Health
from tierway_proxy.core.plan import Plan, decide

MESSAGES = [{"role": "user", "content": "Say hello."}]


def decided(*models, fields=None, klass="Simple", health=None, now=0.0, **options):
    headers = {"X-Tierway-Class": klass} if klass else {}
    return decide(
        catalog(*models, **options), {"messages": MESSAGES, **(fields or {})}, headers, health or Health(), now
    )


def order(*models, **options):
    """Model at provider, in the order in which they would be tried."""
    plan = decided(*models, **options)
    assert isinstance(plan, Plan), plan
    return [f"{each.model}@{each.provider_key.rpartition('/')[2]}" for each in plan.candidates]


def withdrawn(how, tier, name=None, message="It is gone."):
    gone = Withdrawal(tier=f"llm/{tier}", model=name, how=how, message=message)
    return State(policy="llm/default", sequence=1, withdrawn=(gone,))


def tired(*keys):
    health = Health()
    for key in keys:
        for _ in range(FAILURES_TO_OPEN):
            health.failed(key, 0.0)
    return health
