"""`python -m monitoring`: write the dashboard anew, and the tables of metrics."""

from monitoring import DASHBOARD, METRICS
from monitoring.grafana import text
from monitoring.metric_tables import with_tables

DASHBOARD.parent.mkdir(parents=True, exist_ok=True)
DASHBOARD.write_text(text())
METRICS.write_text(with_tables(METRICS.read_text()))
