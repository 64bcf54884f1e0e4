"""Why two artifacts differ: the fields of their identities, and of their inputs', that are not equal."""

from __future__ import annotations

from typing import Any

from offmodel.pipeline.store import Artifact, Store


def differences(a: Artifact, b: Artifact, store: Store) -> dict[str, tuple[Any, Any]]:
    """Dotted field -> (value in a, value in b); follows references into the inputs."""
    found: dict[str, tuple[Any, Any]] = {}
    _compare("", a.record["identity"], b.record["identity"], store, found)
    return found


def _compare(path: str, a: Any, b: Any, store: Store, found: dict[str, tuple[Any, Any]]) -> None:
    if a == b:
        return
    left, right = _opened(a, store), _opened(b, store)
    if isinstance(left, dict) and isinstance(right, dict):
        for key in sorted(left.keys() | right.keys()):
            _compare(f"{path}.{key}" if path else key, left.get(key), right.get(key), store, found)
    elif isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
        for i, (x, y) in enumerate(zip(left, right, strict=True)):
            _compare(f"{path}[{i}]", x, y, store, found)
    else:
        found[path] = (_brief(a), _brief(b))


def _opened(value: Any, store: Store) -> Any:
    """The identity behind a reference to another step, when the store still has it."""
    if isinstance(value, dict) and set(value) == {"step", "fingerprint"}:
        match = [x for x in store.artifacts() if x.record["fingerprint"] == value["fingerprint"]]
        return match[0].record["identity"] if match else value["step"]
    return value


def _brief(value: Any) -> Any:
    return value["step"] if isinstance(value, dict) and "step" in value else value
