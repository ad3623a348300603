"""What of the monitoring is made by a program: the Grafana dashboard, and the tables in `docs/metrics.md`.

`python -m monitoring` writes both anew. A panel is added in `dashboard.yaml`; alerts are kept by hand, in the chart.
"""

from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "monitoring/dashboard.yaml"
DASHBOARD = ROOT / "deploy/helm/tierway/files/dashboards/tierway.json"
RULES = ROOT / "deploy/helm/tierway/files/alerts.yaml"
METRICS = ROOT / "docs/metrics.md"
ALERTS = ROOT / "docs/alerts.md"
