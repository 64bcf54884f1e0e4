"""Studies by name. A new file here that defines a `Study` is found without being listed."""

from __future__ import annotations

import importlib
import pkgutil

from offmodel.errors import unknown
from offmodel.studies.base import Study


def studies() -> dict[str, type[Study]]:
    """Every study of the package, by name."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
    return {cls.name: cls for cls in sorted(Study.__subclasses__(), key=lambda c: c.name)}


def get_study(name: str) -> Study:
    """The study of that name.

    Raises:
        OffmodelError: when there is none; the nearest name is suggested.
    """
    known = studies()
    if name not in known:
        raise unknown("study", name, known)
    return known[name]()
