"""What the demo's end says beside its saving."""

from demo.corpus import Sample
from demo.report import _quality
from demo.traffic import Seen


def seen(label, served, policy="default", error=None):
    return Seen(Sample("area", "en", label, policy, {}), 0.0, klass=served, error=error)


def test_a_saving_stands_beside_what_it_cost_in_quality():
    """By the authors' labels, of the policy that classifies, and of requests that were answered."""
    said = _quality(
        [
            *(seen("Complex", served) for served in ("Complex", "Moderate", "Simple")),
            *(seen("Simple", served) for served in ("Simple", "Complex")),
            seen("Moderate", "Simple"),
            seen("Complex", "Simple", policy="legal-finance"),
            seen("Complex", "", error="lost"),
        ]
    )
    assert said == "2 of 3 Complex requests (by their authors) served as less, 1 of 3 others as Complex"
