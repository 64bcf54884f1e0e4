"""Mitigations by name. A new file here that defines a `Mitigation` is found without being listed."""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import replace

from pydantic import ValidationError

from offmodel.errors import OffmodelError, misfit, unknown
from offmodel.mitigations.base import Case, Mitigation
from offmodel.models.spec import ModelSpec


def mitigations() -> dict[str, type[Mitigation]]:
    """Every mitigation of the package, by name."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
    return {cls.name: cls for cls in sorted(Mitigation.__subclasses__(), key=lambda c: c.name)}


def get_mitigation(name: str, **settings: object) -> Mitigation:
    """The mitigation of that name with its parameters.

    Raises:
        OffmodelError: for an unknown name or parameter (the nearest is suggested), or a value that does not fit.
    """
    known = mitigations()
    if name not in known:
        raise unknown("mitigation", name, known)
    for key in settings:
        if key not in known[name].model_fields:
            raise unknown(f"parameter of {name}", key, known[name].model_fields)
    try:
        return known[name](**settings)
    except ValidationError as e:
        raise misfit(e, name, f"see the docstring of {name}") from e


def mend(chain: str, case: Case) -> ModelSpec:
    """The student after one mitigation, or after several in order, written ``mixing+reminder``.

    Raises:
        OffmodelError: for what `get_mitigation` and each mitigation refuse.
    """
    for place, name in enumerate(chain.split("+")):
        mitigation = get_mitigation(name)
        if place and mitigation.when == "instead":
            raise OffmodelError(f"{chain}: {name} starts from the base and would undo what stands before it", f"put {name} first")
        case = replace(case, tuned=mitigation.apply(case))
    return case.tuned
