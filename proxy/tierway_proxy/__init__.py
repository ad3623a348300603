"""The data plane: serves `/v1`, hot-reloads route tables, counts what happened."""
