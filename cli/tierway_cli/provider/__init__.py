"""A simulator of OpenAI-compatible providers: many models, faults on demand, and an exact count of what it served."""

from tierway_cli.provider.figures import NORMAL, SCENARIOS, Figures
from tierway_cli.provider.server import Provider

__all__ = ["NORMAL", "SCENARIOS", "Figures", "Provider"]
