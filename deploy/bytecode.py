# ruff: noqa: INP001 (a script of the image, no package)
"""Writes the bytecode of all that the programs load, of the standard library too: a container cannot, it is read-only.

What nothing loads gets none, which halves the image. By hash and unchecked: a layer's files may be given other times.
"""

import importlib
import pkgutil
import py_compile
import sys
from contextlib import suppress
from pathlib import Path

PACKAGES = ("tierway_operator", "tierway_proxy", "tierway_cli")
UNCHECKED = py_compile.PycInvalidationMode.UNCHECKED_HASH

for package in PACKAGES:
    for module in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
        if not module.name.endswith("__main__"):
            with suppress(ModuleNotFoundError):  # a command whose extra is not in the image
                importlib.import_module(module.name)
for loaded in list(sys.modules.values()):
    source = getattr(loaded, "__file__", None) or ""
    if source.endswith(".py") and Path(source).exists() and source != __file__:
        py_compile.compile(source, doraise=True, invalidation_mode=UNCHECKED)
