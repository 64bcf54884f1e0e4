"""Identity of steps: what it holds, what it leaves out, what it refuses."""

from typing import Any, ClassVar

import pytest

from offmodel.pipeline.step import Spec, Step, canonical_json, runtime


class Inner(Step):
    kind: ClassVar[str] = "inner"
    value: int = 1


class Setting(Spec):
    rate: float = 0.5
    workers: int = runtime(1)


class Outer(Step):
    kind: ClassVar[str] = "outer"
    inner: Inner = Inner()
    setting: Setting = Setting()
    parts: tuple[Inner, ...] = ()
    anything: Any = None
    path: str = runtime("")


def test_every_field_counts_and_runtime_fields_do_not():
    a = Outer()
    assert a.fingerprint() == Outer(path="/elsewhere", setting=Setting(workers=9)).fingerprint()
    changed = [Outer(inner=Inner(value=2)), Outer(setting=Setting(rate=0.6)), Outer(parts=(Inner(),)), Outer(anything=0)]
    assert len({s.fingerprint() for s in [a, *changed]}) == 5


def test_version_counts():
    class Raised(Inner):
        VERSION: ClassVar[int] = 2

    assert Raised().fingerprint() != Inner().fingerprint()


def test_a_function_has_no_identity():
    with pytest.raises(TypeError, match="no stable identity"):
        Outer(anything=len).fingerprint()
    with pytest.raises(TypeError, match="no stable identity"):
        canonical_json(float("nan"))


def test_inputs_are_found_once_in_order():
    step = Outer(inner=Inner(value=1), parts=(Inner(value=2), Inner(value=1)))
    assert [i.value for i in step.inputs()] == [1, 2]


def test_name_is_kind_slug_and_hash():
    assert Inner().name() == f"inner/inner-{Inner().fingerprint()[:8]}"


def test_unknown_fields_are_refused():
    with pytest.raises(ValueError, match="extra"):
        Inner(valeu=2)


def test_labels_are_not_identity(monkeypatch):
    before = Outer().fingerprint()
    monkeypatch.setattr(Inner, "label", lambda self: "another label")
    assert Outer().fingerprint() == before


def test_a_changed_copy_has_a_fingerprint_of_its_own():
    step = Inner(value=1)
    assert step.fingerprint() != step.model_copy(update={"value": 2}).fingerprint()
    assert step.model_copy(update={"value": 2}).fingerprint() == Inner(value=2).fingerprint()
