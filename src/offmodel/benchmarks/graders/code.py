"""Programs: does one pass its tests? Runs in the grading process (`worker`).

The tests run here; the program runs behind a wall of its own (`child`) and is only asked: every name that the tests use
and do not define stands for something in the program, a call of it travels there as plain values, and plain values come
back. So expected values are never within the program's reach, and no object of its own takes part in a comparison.
"""

from __future__ import annotations

import ast
import builtins
import decimal
import random
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from offmodel.benchmarks.base import Grade
from offmodel.benchmarks.graders.child import Plain, kind, refill
from offmodel.benchmarks.graders.program import NotGradable, Tests, program_of
from offmodel.benchmarks.graders.wall import Ended


class Program(Protocol):
    """A running program that can be asked: takes and returns the JSON of `child.Server`."""

    def ask(self, message: dict[str, Any]) -> dict[str, Any]: ...


class Failed(Exception):
    """A test did not hold, or could not, for what the program returned."""


def grade_code(tests: str, completion: str, start: Callable[[str, str], Program]) -> Grade:
    """Whether the program in a completion passes tests: statements that raise where it is wrong.

    Args:
        tests: of the benchmark.
        completion: without thinking.
        start: runs a program's text and the imports of its tests; raises `Ended` or `Failed`.
    """
    try:
        wanted = Tests.read(tests)
    except NotGradable as e:
        return Grade(False, False, str(e), graded=False)
    source = program_of(completion, wanted.asked)
    if source is None:
        return Grade(False, False, "(no program)")
    try:
        Run(start(source, wanted.imports)).through(wanted)
    except NotGradable as e:
        return Grade(False, True, str(e), graded=False)
    except Ended as e:
        if e.why == "start":
            return Grade(False, True, "(no program could be started)", graded=False)
        return Grade(
            False, True, {"time": "took too long", "memory": "took too much memory"}.get(e.why, "ended before the tests did")
        )
    except Failed as e:
        return Grade(False, True, str(e))
    return Grade(True, True, "passed")


class Run:
    """Tests against one running program."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.callbacks: list[Any] = []
        self.broken: Exception | None = None
        self.asks = 0
        self.plain = Plain(self._other, self._known)

    def through(self, tests: Tests) -> None:
        """Run the tests, one statement after the other.

        Raises:
            Failed, NotGradable, Ended: at the first test that does not hold.
        """
        space: dict[str, Any] = {"__name__": "tests", "__builtins__": dict(vars(builtins))}
        decimal.setcontext(decimal.Context(prec=28))
        random.seed(0)
        values = 0
        for name in tests.asked:
            found = self._asked({"do": "look", "name": name})
            if found.get("absent") and name in dir(builtins):
                raise Failed(f"the program has no {name}")
            if not found.get("absent"):
                space[name] = Asked(self, ["program", name]) if found.get("callable") else self._value(found)
                values += not found.get("callable")
        for number, statement in enumerate(tests.tree.body, 1):
            try:
                exec(compile(ast.Module([statement], []), "tests", "exec"), space)
                if self.broken:  # a test that catches everything has caught it
                    raise self.broken
            except (NotGradable, Failed, Ended):
                raise
            except AssertionError:
                raise Failed(f"statement {number} of the tests does not hold") from None
            except (ImportError, RecursionError) as e:
                if getattr(e, "of_program", False):
                    raise self.broken or Failed(f"statement {number} of the tests ends in {kind(e)}") from None
                why = f"import what is not here ({e.name})" if isinstance(e, ImportError) else "go too deep"
                raise self.broken or NotGradable(f"the tests {why}") from None
            except BaseException as e:
                raise self.broken or Failed(f"statement {number} of the tests ends in {kind(e)}") from None

        if not self.asks and not values:
            raise NotGradable("the tests call nothing of the program")

    def breaks(self, error: Exception) -> Exception:
        """Remember what no test may catch."""
        self.broken = self.broken or error
        return error

    def _asked(self, message: dict[str, Any]) -> dict[str, Any]:
        """What the program answers; it may call functions of the tests before it does."""
        self.asks += message["do"] != "look"
        try:
            reply = self.program.ask(message)
            while "callback" in reply:
                reply = self.program.ask({"value": self.plain.encode(self._called_back(reply))})
        except (Ended, Failed) as e:
            raise self.breaks(e) from None
        return reply

    def _called_back(self, reply: dict[str, Any]) -> Any:
        """What a function of the tests returns to the program."""
        try:
            function = self.callbacks[reply["callback"]]
            args, named = self._decoded(reply.get("args")), self._decoded(reply.get("named"))
        except (TypeError, IndexError):
            raise Failed("the program asks for what is not there") from None
        try:
            return function(*args, **named)
        except Exception:
            raise self.breaks(NotGradable("a function of the tests raises within the program")) from None

    def ask(self, do: str, target: list[Any], **more: Any) -> Any:
        reply = self._asked({"do": do, "target": target, **more})
        if name := reply.get("raised"):
            error = getattr(builtins, str(name), None)
            unicode = (UnicodeDecodeError, UnicodeEncodeError, UnicodeTranslateError)
            known = isinstance(error, type) and issubclass(error, (Exception, SystemExit))
            raised: Any = ValueError() if error in unicode else error() if known else RuntimeError()  # pyright: ignore[reportOptionalCall]
            raised.of_program = True
            raise raised
        return self._value(reply), reply.get("args")

    def call(self, target: list[Any], args: tuple[Any, ...], named: dict[str, Any]) -> Any:
        value, after = self.ask("call", target, args=self.plain.encode(list(args)), named=self.plain.encode(named))
        if after is not None:
            for old, new in zip(args, self._decoded(after), strict=False):
                refill(old, new)
        return value

    def _value(self, reply: dict[str, Any]) -> Any:
        return self._decoded(reply.get("value"))

    def _decoded(self, pair: Any) -> Any:
        try:
            return self.plain.decode(pair)
        except (ValueError, TypeError, ArithmeticError, KeyError, AttributeError, RecursionError):
            raise self.breaks(Failed("the program returns no value that can be read")) from None

    def _known(self, kind: str, content: Any) -> Any:
        if kind == "handle" and isinstance(content, int):
            return Asked(self, ["handle", content])
        raise ValueError("no value")

    def _other(self, value: Any) -> list[Any]:
        """What the tests hand to the program beside plain values: what it gave, functions by name, functions of their own."""
        if isinstance(value, Asked):
            return object.__getattribute__(value, "_target")
        module, name = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
        if (isinstance(value, type) and module == "builtins") or type(value).__name__ in (
            "builtin_function_or_method",
            "method_descriptor",
        ):
            owner = getattr(value, "__objclass__", None)
            return ["name", f"{module or (owner and owner.__module__) or 'builtins'}:{name}"]
        if callable(value) and module == "tests":
            self.callbacks.append(value)
            return ["callback", len(self.callbacks) - 1]
        raise self.breaks(NotGradable(f"the tests hand in an object of the class {type(value).__name__}"))


def _unlike(self: Asked, *others: Any) -> Any:
    run = object.__getattribute__(self, "_run")
    if any(isinstance(other, Asked) for other in others):
        raise run.breaks(NotGradable("the tests compare two objects of the program's own"))
    raise run.breaks(Failed("the program returns an object of a class of its own, which nothing can be compared with"))


def _not_asked(self: Asked, *_: Any) -> Any:
    run = object.__getattribute__(self, "_run")
    raise run.breaks(NotGradable("the tests do with an object of the program's own what cannot be put to it"))


class Asked:
    """Something of the program's that is no plain value: it can be called and asked, and compared with nothing."""

    def __init__(self, run: Run, target: list[Any]) -> None:
        object.__setattr__(self, "_run", run)
        object.__setattr__(self, "_target", target)

    def __call__(self, *args: Any, **named: Any) -> Any:
        return object.__getattribute__(self, "_run").call(object.__getattribute__(self, "_target"), args, named)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self._do("attribute", name=name)

    def _do(self, do: str, **more: Any) -> Any:
        return object.__getattribute__(self, "_run").ask(do, object.__getattribute__(self, "_target"), **more)[0]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._do("iterate"))

    def __len__(self) -> int:
        return self._do("length")

    def __getitem__(self, key: Any) -> Any:
        return self._do("item", key=object.__getattribute__(self, "_run").plain.encode(key))

    def __instancecheck__(self, value: Any) -> bool:
        raise object.__getattribute__(self, "_run").breaks(NotGradable("the tests ask for a class of the program's own"))

    __hash__ = object.__hash__
    __bool__ = __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __contains__ = _unlike  # pyright: ignore
    __add__ = __sub__ = __mul__ = __truediv__ = __neg__ = __abs__ = __int__ = __float__ = __index__ = _unlike  # pyright: ignore
    __str__ = __repr__ = __format__ = __setattr__ = __delattr__ = __setitem__ = __delitem__ = __enter__ = __next__ = _not_asked  # pyright: ignore
    __radd__ = __rsub__ = __rmul__ = __round__ = _unlike  # pyright: ignore
