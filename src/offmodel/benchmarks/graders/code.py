"""Programs: which block of a completion is one, and whether it passes tests. Runs in the grading process (`worker`).

The tests run here; the program runs behind a wall of its own (`child`) and is only asked: every name that the tests use
and do not define stands for something in the program, a call of it travels there as plain values, and plain values come
back. So expected values are never within the program's reach, and no object of its own takes part in a comparison.
"""

from __future__ import annotations

import ast
import builtins
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from offmodel.benchmarks.base import Grade
from offmodel.benchmarks.graders.answers import blocks
from offmodel.benchmarks.graders.child import Plain, kind, refill
from offmodel.benchmarks.graders.wall import Ended


class Program(Protocol):
    """A running program that can be asked: takes and returns the JSON of `child.Server`."""

    def ask(self, message: dict[str, Any]) -> dict[str, Any]: ...


class NotGradable(Exception):
    """The tests ask for something that cannot be put to a program in another process."""


class Failed(Exception):
    """A test did not hold, or could not, for what the program returned."""


# ---------------------------------------------------------------- which program


@dataclass(frozen=True)
class Tests:
    """Tests, taken apart.

    Attributes:
        tree: their statements.
        asked: names that they use and neither define nor import: what the program must have.
        imports: their import statements, which run in the program, too.
    """

    __test__ = False  # for pytest, which takes the name for its own
    tree: ast.Module
    asked: frozenset[str]
    imports: str

    @classmethod
    def read(cls, text: str) -> Tests:
        """Take tests apart.

        Raises:
            NotGradable: for tests that are no Python, use nothing of a program, or name its classes in ``except``.
        """
        tree = parsed(text)
        if tree is None:
            raise NotGradable("the tests are not Python")
        used, defined = names(tree)
        asked = used - defined - set(dir(builtins))
        caught = {
            n.id
            for h in ast.walk(tree)
            if isinstance(h, ast.ExceptHandler) and h.type
            for n in ast.walk(h.type)
            if isinstance(n, ast.Name)
        }
        if caught & asked:
            raise NotGradable(f"the tests catch {sorted(caught & asked)[0]}, a class of the program's own")
        if not asked:  # a function named as a built-in one is, if it is all that the tests call
            asked = {n.func.id for n in ast.walk(tree) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)} & used
        if len(asked) != 1 and asked <= set(dir(builtins)):
            raise NotGradable("the tests use nothing of the program")
        imports = [
            s for s in tree.body if isinstance(s, (ast.Import, ast.ImportFrom)) and getattr(s, "module", "") != "__future__"
        ]
        return cls(tree, frozenset(asked), "\n".join(map(ast.unparse, imports)))


def names(tree: ast.AST) -> tuple[set[str], set[str]]:
    """The names that a tree uses, and those that it binds anywhere."""
    used, bound = set(), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            (used if isinstance(node.ctx, ast.Load) else bound).add(node.id)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            bound.add(node.name)
        elif isinstance(node, ast.alias):
            bound.add((node.asname or node.name).partition(".")[0])
        elif isinstance(node, ast.arg):
            bound.add(node.arg)
        elif isinstance(node, ast.ExceptHandler) and node.name:
            bound.add(node.name)
    return used, bound


def defined(tree: ast.Module) -> set[str]:
    """The names that a program has when it has run, as far as one can see: those bound outside of functions."""
    return {name for statement in tree.body for name in _binds(statement)}


def _binds(statement: ast.stmt) -> Iterator[str]:
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        yield statement.name
        return
    yield from names(statement)[1]


def parsed(text: str) -> ast.Module | None:
    """The program that a text is, or None. No text makes it raise."""
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def program_of(completion: str, asked: frozenset[str]) -> str | None:
    """The program in a completion; None where there is none.

    The last fenced block that defines all that is asked for, whatever its label, with what it uses of the blocks
    before it; else all blocks in order; without blocks the text, or the part of it that is a program.
    """
    text = completion.replace("\r\n", "\n").replace("\r", "\n")
    found = [(code, tree) for code in _candidates(text) if (tree := parsed(code)) is not None and tree.body]
    for i in range(len(found) - 1, -1, -1):
        code, tree = found[i]
        if asked <= defined(tree):
            return "\n\n".join([*_helpers([t for _, t in found[:i]], tree), code])
    if not found:
        return None
    together = "\n\n".join(code for code, _ in found)
    return together if asked <= set().union(*(defined(t) for _, t in found)) else found[-1][0]


def _helpers(earlier: list[ast.Module], tree: ast.Module) -> list[str]:
    """Definitions and imports of earlier blocks, where the program uses names that they have and it has not."""
    wanted = names(tree)[0] - defined(tree) - set(dir(builtins))
    kept: list[str] = []
    for other in reversed(earlier):
        if wanted & defined(other):
            kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom, ast.Assign, ast.AnnAssign)
            statements = [s for s in other.body if isinstance(s, kinds)]
            kept.insert(0, "\n".join(map(ast.unparse, statements)))
            wanted |= names(other)[0]
    return kept


STARTS = ("def ", "class ", "import ", "from ", "@", "async def ")


def _candidates(text: str) -> Iterator[str]:
    fenced = blocks(text)
    for block in fenced:
        code = textwrap.dedent(block.code)
        yield from [code] if block.closed or parsed(code) else _beginnings(code)
    if not fenced:
        if parsed(text):
            yield text
        else:
            lines = text.split("\n")
            start = next((i for i, line in enumerate(lines) if line.startswith(STARTS)), None)
            yield from _beginnings("\n".join(lines[start:])) if start is not None else ()


def _beginnings(code: str) -> Iterator[str]:
    """The longest part up to an empty line that is a program: code that was never fenced off from what follows it."""
    paragraphs = code.split("\n\n")
    for count in range(len(paragraphs), max(0, len(paragraphs) - 20), -1):
        if parsed(part := "\n\n".join(paragraphs[:count])):
            yield part
            return


# ---------------------------------------------------------------- does it pass


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
        self.plain = Plain(self._other, self._known)

    def through(self, tests: Tests) -> None:
        """Run the tests, one statement after the other.

        Raises:
            Failed, NotGradable, Ended: at the first test that does not hold.
        """
        space: dict[str, Any] = {"__name__": "tests", "__builtins__": builtins}
        for name in tests.asked:
            found = self._asked({"do": "look", "name": name})
            if found.get("absent") and name in dir(builtins):
                raise Failed(f"the program has no {name}")
            if not found.get("absent"):
                space[name] = Asked(self, ["program", name]) if found.get("callable") else self._value(found)
        for number, statement in enumerate(tests.tree.body, 1):
            try:
                exec(compile(ast.Module([statement], []), "tests", "exec"), space)
                if self.broken:  # a test that catches everything has caught it
                    raise self.broken
            except (NotGradable, Failed, Ended):
                raise
            except AssertionError:
                raise Failed(f"statement {number} of the tests does not hold") from None
            except ImportError as e:
                raise NotGradable(f"the tests import what is not here ({e.name})") from None
            except RecursionError:
                raise NotGradable("the tests go too deep") from None
            except BaseException as e:
                raise self.broken or Failed(f"statement {number} of the tests ends in {kind(e)}") from None

    def breaks(self, error: Exception) -> Exception:
        """Remember what no test may catch."""
        self.broken = self.broken or error
        return error

    def _asked(self, message: dict[str, Any]) -> dict[str, Any]:
        """What the program answers; it may call functions of the tests before it does."""
        reply = self.program.ask(message)
        while "callback" in reply:
            function = self.callbacks[reply["callback"]]
            value = function(*self.plain.decode(reply["args"]), **self.plain.decode(reply["named"]))
            reply = self.program.ask({"value": self.plain.encode(value)})
        return reply

    def ask(self, do: str, target: list[Any], **more: Any) -> Any:
        reply = self._asked({"do": do, "target": target, **more})
        if name := reply.get("raised"):
            error = getattr(builtins, str(name), None)
            unicode = (UnicodeDecodeError, UnicodeEncodeError, UnicodeTranslateError)
            known = isinstance(error, type) and issubclass(error, (Exception, SystemExit))
            raise ValueError() if error in unicode else error() if known else RuntimeError()  # pyright: ignore[reportOptionalCall]
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


def _unlike(self: Asked, *_: Any) -> Any:
    run = object.__getattribute__(self, "_run")
    raise run.breaks(Failed("the program returns an object of a class of its own, which nothing can be compared with"))


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
    __add__ = __sub__ = __mul__ = __truediv__ = __neg__ = __abs__ = __int__ = __float__ = __index__ = __str__ = __repr__ = _unlike  # pyright: ignore
    __radd__ = __rsub__ = __rmul__ = __round__ = _unlike  # pyright: ignore
