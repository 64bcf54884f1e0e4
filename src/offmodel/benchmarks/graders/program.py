"""Which program a completion holds, and what tests ask of it. Parses what models wrote: runs in the grading process."""

from __future__ import annotations

import ast
import builtins
import symtable
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

from offmodel.benchmarks.graders.answers import blocks


class NotGradable(Exception):
    """The tests ask for something that cannot be put to a program in another process."""


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
        used, bound = globals_of(text)
        asked = used - bound - set(dir(builtins))
        check_gradable(tree, used)
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


RUNS_TEXT = frozenset(("eval", "exec", "compile", "__import__"))
RUNS_MORE = frozenset(
    ("pickle", "marshal", "subprocess", "importlib", "ctypes", "runpy", "code", "shelve", "multiprocessing", "os", "sys")
)


def check_gradable(tree: ast.Module, used: set[str]) -> None:
    """Tests that would run what a program returns, or ask which object it is, are not put to it.

    Raises:
        NotGradable: by name.
    """
    if found := used & RUNS_TEXT:
        raise NotGradable(f"the tests call {sorted(found)[0]}, which could run what the program returns")
    for node in ast.walk(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            for name in [getattr(node, "module", None) or "", *(alias.name for alias in node.names)]:
                if name.partition(".")[0] in RUNS_MORE:
                    raise NotGradable(f"the tests import {name}")
        compared = [node.left, *node.comparators] if isinstance(node, ast.Compare) else []
        by_identity = isinstance(node, ast.Compare) and any(isinstance(op, (ast.Is, ast.IsNot)) for op in node.ops)
        if by_identity and not any(isinstance(side, ast.Constant) for side in compared):
            raise NotGradable("the tests ask which object one is, and objects do not travel")


def globals_of(text: str) -> tuple[set[str], set[str]]:
    """The names that a program uses as globals, in any scope, and those that its module binds."""
    top = symtable.symtable(text, "program", "exec")
    used: set[str] = set()
    waiting = [top]
    while waiting:
        table = waiting.pop()
        whole = table is top
        used |= {s.get_name() for s in table.get_symbols() if s.is_referenced() and (whole or s.is_global())}
        waiting += table.get_children()
    return used, {s.get_name() for s in top.get_symbols() if s.is_assigned() or s.is_imported()}


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
            return "\n\n".join([*_helpers([t for _, t in found[:i]], code), code])
    if not found:
        return None
    together = "\n\n".join(code for code, _ in found)
    return together if asked <= set().union(*(defined(t) for _, t in found)) else found[-1][0]


def _helpers(earlier: list[ast.Module], code: str) -> list[str]:
    """Definitions and imports of earlier blocks, where the program uses names that they have and it has not."""
    used, bound = globals_of(code)
    wanted = used - bound - set(dir(builtins))
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
