"""Secrets and ConfigMaps of a folder, as a cluster would give them: of Secrets only the labelled ones.

A key need not stand in a file: the annotation `tierway.dev/env` names an environment variable that gives it.
"""

import base64
import binascii
import logging
from collections.abc import Iterable, Iterator, Mapping

from tierway_operator.folder.documents import Document, identity, labels_and_annotations
from tierway_operator.store import CREDENTIAL_LABEL, MODEL_LABEL, ConfigMaps, Secret, Secrets

logger = logging.getLogger(__name__)

ENV_ANNOTATION = "tierway.dev/env"
ENV_KEY = "api-key"
"""The name of the key that a variable gives when the Secret names none."""


def secrets(documents: Iterable[Document], environment: Mapping[str, str]) -> Secrets:
    return Secrets(tuple(each for document in documents for each in _secret(document, environment)))


def _secret(document: Document, environment: Mapping[str, str]) -> Iterator[Secret]:
    which = identity(document)
    if which.kind != "Secret":
        return
    labels, annotations = labels_and_annotations(document)
    if labels.get(CREDENTIAL_LABEL) == "true":
        data = {**_decoded(document), **texts(document, "stringData")}
        if ENV_ANNOTATION in annotations:
            data = _with_variable(data, environment.get(annotations[ENV_ANNOTATION], ""))
        yield Secret(which.namespace, which.name, annotations, data)


def _with_variable(data: Mapping[str, str], value: str) -> dict[str, str]:
    """Give the variable's value to every key that has none of its own."""
    return {key: text or value for key, text in (data or {ENV_KEY: ""}).items()}


def _decoded(document: Document) -> dict[str, str]:
    found = {}
    for key, text in texts(document, "data").items():
        try:
            found[key] = base64.b64decode(text, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            logger.warning(
                "a Secret's data is not base64 of text", extra={"secret": str(identity(document)), "key": key}
            )
    return found


def config_maps(documents: Iterable[Document]) -> ConfigMaps:
    found = {identity(each)[1:]: each for each in documents if each["kind"] == "ConfigMap"}
    return ConfigMaps(
        data={which: texts(each, "data") for which, each in found.items()},
        models={which for which, each in found.items() if is_model(each)},
    )


def is_model(document: Document) -> bool:
    """Whether a document is a ConfigMap that says to hold the model of a classifier."""
    labels, _ = labels_and_annotations(document)
    return document["kind"] == "ConfigMap" and labels.get(MODEL_LABEL) == "true"


def texts(document: Document, part: str) -> dict[str, str]:
    """Return one part of a document whose values are texts, such as `data`."""
    found = document.get(part)
    return {str(key): str(value or "") for key, value in found.items()} if isinstance(found, Mapping) else {}
