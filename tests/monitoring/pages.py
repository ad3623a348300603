"""A page of metrics, read as Prometheus reads it."""

from prometheus_client.parser import text_string_to_metric_families


def series(text):
    """Every series' value, by its name and its labels as pairs in order."""
    found = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return {(each.name, *sorted(each.labels.items())): each.value for each in found}


def by_values(text):
    """The same with the values of the labels alone, in the order of their names."""
    return {(name, *(value for _, value in labels)): value for (name, *labels), value in series(text).items()}
