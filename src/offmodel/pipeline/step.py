"""Steps: frozen descriptions of work whose fields are their identity.

Two steps with equal identity make the same artifact, wherever and whenever they run. What does not
change a number (paths, devices, batch sizes for memory, progress) never becomes a field; where a
field must hold such a value, `runtime()` keeps it out of the identity.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from offmodel.pipeline.execute import Context
    from offmodel.pipeline.store import Artifact


def runtime(default: Any) -> Any:
    """A field that may differ between machines without changing a number; it is not identity."""
    return Field(default=default, exclude=True, repr=False)


class Spec(BaseModel):
    """A frozen value that is part of some step's identity (a model, a sampling setting, …)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def identity(self) -> dict[str, Any]:
        """Field name -> canonical value, nested steps as references.

        Left out are runtime fields, and those that are None: a later optional field changes no older identity.
        """
        named = [name for name, info in type(self).model_fields.items() if not info.exclude]
        return {name: canonical(getattr(self, name)) for name in named if getattr(self, name) is not None}


class Step(Spec):
    """One unit of cached work. Subclasses add fields, `run` and `load`.

    Attributes:
        kind: directory of the store its artifacts live in.
        VERSION: raised by the author when the same fields would now give different numbers.
        resumable: whether a partial directory of a killed run is handed to the next run.
        needs_model: whether running it loads a model (heavy) or only shuffles rows.
    """

    kind: ClassVar[str]
    VERSION: ClassVar[int] = 1
    resumable: ClassVar[bool] = False
    needs_model: ClassVar[bool] = True

    def identity(self) -> dict[str, Any]:
        return {"kind": self.kind, "version": self.VERSION} | super().identity()

    def fingerprint(self) -> str:
        """SHA-256 of the canonical JSON of the identity, hex."""
        return _fingerprint(self)

    def model_copy(self, **changes: Any) -> Self:
        """As pydantic's; the memo of the fingerprint is the original's, not the copy's."""
        copy = super().model_copy(**changes)
        vars(copy).pop("_memo", None)
        return copy

    def label(self) -> str:
        """A few words for people; becomes the slug of the artifact."""
        return self.kind

    def name(self) -> str:
        """``kind/slug-hash8``, the artifact's place in the store."""
        slug = re.sub(r"[^a-z0-9]+", "-", self.label().lower()).strip("-")[:60]
        return f"{self.kind}/{slug}-{self.fingerprint()[:8]}"

    def inputs(self) -> list[Step]:
        """The steps this one reads, found in its fields, each once, in field order."""
        found: dict[str, Step] = {}
        for name in type(self).model_fields:
            for step in nested_steps(getattr(self, name)):
                found.setdefault(step.fingerprint(), step)
        return list(found.values())

    def run(self, context: Context) -> None:
        """Do the work, writing files into ``context.directory``."""
        raise NotImplementedError

    def load(self, artifact: Artifact) -> Any:
        """What other code reads from the finished artifact."""
        raise NotImplementedError


def _fingerprint(step: Step) -> str:
    cached = getattr(step, "_memo", None)
    if cached is None:
        cached = hashlib.sha256(canonical_json(step.identity()).encode()).hexdigest()
        object.__setattr__(step, "_memo", cached)  # the step is frozen; this is a memo, not state
    return cached


def nested_steps(value: Any) -> Iterator[Step]:
    """Steps inside a field's value; does not descend into the steps themselves."""
    if isinstance(value, Step):
        yield value
    elif isinstance(value, Spec):
        for name in type(value).model_fields:
            yield from nested_steps(getattr(value, name))
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from nested_steps(part)
    elif isinstance(value, dict):
        for part in value.values():
            yield from nested_steps(part)


def canonical(value: Any) -> Any:
    """A JSON value with one spelling.

    Raises:
        TypeError: for a type without a stable identity, such as a function.
    """
    if isinstance(value, Step):
        return {"step": value.kind, "fingerprint": value.fingerprint()}
    if isinstance(value, Spec):
        return value.identity()
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        if value != value or value in (float("inf"), float("-inf")):
            raise TypeError(f"{value} has no stable identity")
        return value
    if isinstance(value, (list, tuple)):
        return [canonical(v) for v in value]
    if isinstance(value, dict) and all(isinstance(k, str) for k in value):
        return {k: canonical(v) for k, v in value.items()}
    raise TypeError(f"{type(value).__name__} has no stable identity; use plain values or a Spec")


def canonical_json(value: Any) -> str:
    """Canonical JSON text: sorted keys, no spaces, ASCII."""
    return json.dumps(canonical(value), sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def sha256_file(path: Path) -> str:
    """SHA-256 of a file's bytes, hex."""
    with path.open("rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()
