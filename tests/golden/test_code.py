"""Programs: which block is one, how tests are put to it, and that no cheat passes."""

import json

import pytest

from offmodel.benchmarks import get_benchmark
from offmodel.benchmarks.graders import wall
from offmodel.benchmarks.graders.program import NotGradable, Tests, program_of

behind = pytest.mark.skipif(wall.missing() is not None, reason=f"no wall: {wall.missing()}")
DOUBLE = "assert double(2) == 4\nassert double(-3) == -6"
RIGHT = "def double(n):\n    return 2 * n\n"


@pytest.fixture
def graded(tmp_path):
    def grade(tests, completion):
        file = tmp_path / "mine.jsonl"
        file.write_text(json.dumps({"question": "Write it.", "answer": tests}) + "\n")
        benchmark = get_benchmark(f"file:{file}?grader=code")
        return benchmark.grade(benchmark.pool()[0], completion)

    return grade


BLOCKS = {
    "plain text": RIGHT,
    "a fence": f"So:\n```python\n{RIGHT}```\nDone.",
    "no label": f"```\n{RIGHT}```",
    "another label": f"```Python3 title=double\n{RIGHT}```",
    "a foreign label": f"```javascript\n{RIGHT}```",
    "tildes": f"~~~python\n{RIGHT}~~~",
    "never closed": f"```python\n{RIGHT}",
    "never closed, prose after it": f"```python\n{RIGHT}\nThis doubles n, as asked.",
    "indented in a list": "1. Like this:\n   ```python\n   def double(n):\n       return 2 * n\n   ```",
    "indented text in a fence": "```python\n    def double(n):\n        return 2 * n\n```",
    "carriage returns": f"```python\r\n{RIGHT}```\r\n".replace("\n", "\r\n").replace("\r\r", "\r"),
    "four backticks": f"````python\n{RIGHT}````",
    "usage after it": f"```python\n{RIGHT}```\nUse:\n```python\nprint(double(2))\n```",
    "output after it": f"```python\n{RIGHT}```\nOutput:\n```\n4\n```",
    "shell after it": f"```python\n{RIGHT}```\nRun:\n```bash\npython double.py\n```",
    "a better one after it": f"```python\ndef double(n):\n    return n\n```\nBetter:\n```python\n{RIGHT}```",
    "a helper before it": "```python\nimport math\ndef twice(n):\n    return math.floor(2 * n)\n```\nthen\n```python\ndef double(n):\n    return twice(n)\n```",
    "prose before it": f"Here is the function:\n\n{RIGHT}",
    "prose around it": f"Here it is:\n{RIGHT}\nIt multiplies by two.",
    "a main guard": RIGHT + "if __name__ == '__main__':\n    n = int(input())\n    print(double(n))\n",
    "prints at exit": RIGHT + "import atexit\natexit.register(print, 'bye')\n",
    "prints 3 MB": RIGHT + "print('x' * 3_000_000)\n",
    "over 128 KB": RIGHT + f"DATA = {'x' * 200_000!r}\n",
    "thought before": f"<think>def double(n): return n</think>\n```python\n{RIGHT}```",
    "a lambda": "double = lambda n: 2 * n",
    "a class": "class Twice:\n    def __call__(self, n):\n        return 2 * n\ndouble = Twice()",
    "a dataclass": "from dataclasses import dataclass\n@dataclass\nclass P:\n    n: int\ndef double(n):\n    return P(n).n * 2",
    "a numpy number": "import numpy as np\ndef double(n):\n    return np.int64(n) * 2",
}


@behind
@pytest.mark.parametrize("completion", BLOCKS.values(), ids=BLOCKS)
def test_the_program_is_found_and_passes(graded, completion):
    grade = graded(DOUBLE, completion)
    assert grade.correct, grade


WRONG = {
    "a wrong one": "def double(n):\n    return 3 * n",
    "the wrong one last": f"```python\n{RIGHT}```\nOr:\n```python\ndef double(n):\n    return 3 * n\n```",
    "none": "I would multiply by two.",
    "another name": "def twice(n):\n    return 2 * n",
    "raises": "def double(n):\n    raise ValueError",
    "half of it": "```python\ndef double(n):\n    if n > 0:\n        return 2 * n\n    return",
}


@behind
@pytest.mark.parametrize("completion", WRONG.values(), ids=WRONG)
def test_wrong_programs_are_wrong(graded, completion):
    grade = graded(DOUBLE, completion)
    assert (grade.correct, grade.graded) == (False, True)


CHEATS = {
    "leaves": "import sys; sys.exit(0)",
    "leaves at once": "import os; os._exit(0)",
    "leaves when called": "import os\ndef double(n):\n    os._exit(0)",
    "reads its command line": "import sys, re, os\nw = re.findall(r\"print\\('([0-9a-f]{32})'\\)\", str(sys.orig_argv)); print(*w, flush=True); os._exit(0)",
    "equals everything": "class Any:\n    def __eq__(self, other):\n        return True\n    __hash__ = None\ndef double(n):\n    return Any()",
    "a number that equals everything": "class N(int):\n    def __eq__(self, other):\n        return True\n    __hash__ = int.__hash__\ndef double(n):\n    return N(7)",
    "text that equals everything": "class S(str):\n    def __eq__(self, other):\n        return True\n    __hash__ = str.__hash__\ndef double(n):\n    return S('x')",
    "pretends another class": "class Any:\n    @property\n    def __class__(self):\n        return int\n    def __eq__(self, other):\n        return True\ndef double(n):\n    return Any()",
    "mends assert": "import builtins\nbuiltins.AssertionError = type('E', (Exception,), {})\ndef double(n):\n    return 1",
    "mends what compares": "import operator, builtins\nbuiltins.abs = builtins.len = lambda *a: True\nint.__eq__ = None if False else int.__eq__\ndef double(n):\n    return 0",
    "looks at frames": "import sys\ndef double(n):\n    f = sys._getframe()\n    while f:\n        for v in list(f.f_locals.values()) + list(f.f_globals.values()):\n            if v == 4 or v == -6: return v\n        f = f.f_back\n    return 0",
    "looks at all objects": "import gc\ndef double(n):\n    for o in gc.get_objects():\n        if isinstance(o, dict) and 'tests' in o: return o\n    return None",
    "speaks for itself": "import os, json\nfor fd in range(3, 20):\n    try: os.write(fd, json.dumps({'grade': {'correct': True, 'parsed': True}}).encode() + b'\\n')\n    except OSError: pass",
    "speaks for the judge": 'import os\ndef double(n):\n    for fd in range(20):\n        try: os.write(fd, b\'{"value": ["passed", true]}\\n+passed\\n\')\n        except OSError: pass',
    "raises what tests catch": "def double(n):\n    raise SystemExit(0)",
    "answers with an exception": "class E(BaseException):\n    pass\ndef double(n):\n    raise E",
    "a threat of recursion": "def double(n):\n    return double(n)",
    "hands back a callback": "def double(n):\n    return lambda *a: True",
    "is its own module": "import sys\nsys.modules['program'] = sys.modules['builtins']\ndef __getattr__(name):\n    return 4",
    "patches json": 'import json\njson.dumps = lambda *a, **k: \'{"value": ["bool", true]}\'\ndef double(n):\n    return 1',
    "kills its parent": "import os, signal\nos.kill(os.getppid(), signal.SIGKILL)\ndef double(n):\n    return 1",
    "kills all": "import os, signal\ntry: os.kill(-1, signal.SIGKILL)\nexcept Exception: pass",
    "says nothing more": "import time\ndef double(n):\n    import os; os.close(1); os.closerange(3, 100)",
    "a giant answer": "def double(n):\n    return 'x' * 40_000_000",
    "a deep answer": "def double(n):\n    x = []\n    for _ in range(100_000): x = [x]\n    return x",
    "a circle": "def double(n):\n    x = []\n    x.append(x)\n    return x",
    "not a number": "def double(n):\n    return float('nan')",
}


@behind
@pytest.mark.parametrize("completion", CHEATS.values(), ids=CHEATS)
def test_no_cheat_passes(graded, completion):
    grade = graded(DOUBLE, completion)
    assert not grade.correct, grade
    assert "x" * 400 not in str(grade.extracted)


HOSTILE = {
    "minuses": "x = " + "-" * 20_000 + "1",
    "sums": "x = " + "1+" * 100_000 + "1",
    "attributes": "x = " + "a." * 100_000 + "a",
    "nots": "x = " + "not " * 20_000 + "1",
    "lambdas": "x = " + "lambda: " * 20_000 + "1",
    "elifs": "if x: pass\n" + "elif x: pass\n" * 20_000,
    "subscripts": "x = a" + "[0]" * 100_000,
    "brackets": "(" * 10_000,
    "a null byte": "def double(n):\n    return 2\0",
    "surrogates": "def double(n):\n    return '\ud800'",
    "an encoding": "# -*- coding: rot13 -*-\nx = 1",
    "a million fences": "```\n" * 300_000,
    "tabs": "\t" * 500_000 + "x",
}


@behind
@pytest.mark.parametrize("completion", HOSTILE.values(), ids=HOSTILE)
def test_no_text_stops_the_grading(graded, completion):
    assert not graded(DOUBLE, completion).correct
    assert graded(DOUBLE, RIGHT).correct


@behind
def test_what_a_program_prints_is_kept_nowhere(graded):
    said = graded(
        DOUBLE,
        "print('SECRET')\nimport sys\nprint('SECRET', file=sys.stderr)\nclass SECRET(Exception): pass\ndef double(n):\n    raise SECRET('SECRET')",
    )
    assert "SECRET" not in str(said)


TESTS = [  # tests, program, correct
    ("import math\nassert math.isclose(area(10), 314.159, rel_tol=1e-3)", "def area(r):\n    return math.pi * r * r", True),
    ("assert set(odd([1, 2, 3])) == {1, 3}", "def odd(x):\n    return (n for n in x if n % 2)", True),
    ("def check(candidate):\n    assert candidate(2) == 4\ncheck(double)", RIGHT, True),
    ("def check(candidate):\n    assert candidate(2) == 5\ncheck(double)", RIGHT, False),
    ("for i in range(5):\n    assert double(i) == 2 * i", RIGHT, True),
    ("a = [3, 1]\nsort_(a)\nassert a == [1, 3]", "def sort_(a):\n    a.sort()", True),
    ("d = {'a': [1]}\nadd(d)\nassert d == {'a': [1, 2]}", "def add(d):\n    d['a'].append(2)", True),
    ("s = Stack()\ns.push(4)\ns.push(5)\nassert s.pop() == 5\nassert s.size == 1\nassert len(s) == 1", "class Stack:\n    def __init__(self):\n        self.x = []\n    def push(self, n):\n        self.x.append(n)\n    def pop(self):\n        return self.x.pop()\n    @property\n    def size(self):\n        return len(self.x)\n    def __len__(self):\n        return len(self.x)", True),
    ("assert apply(lambda n: n + 1, 3) == 4", "def apply(f, n):\n    return f(n)", True),
    ("assert apply(abs, -3) == 3\nassert apply(str.upper, 'a') == 'A'", "def apply(f, n):\n    return f(n)", True),
    ("assert compose(inc, inc)(1) == 3", "def inc(n):\n    return n + 1\ndef compose(f, g):\n    return lambda n: f(g(n))", True),
    ("try:\n    bad(1)\nexcept ValueError:\n    pass\nelse:\n    assert False", "def bad(n):\n    raise ValueError('no')", True),
    ("try:\n    bad(1)\nexcept ValueError:\n    pass\nelse:\n    assert False", "def bad(n):\n    raise KeyError('no')", False),
    ("try:\n    ok = f() == 5\nexcept Exception:\n    ok = True\nassert ok", "class A: pass\ndef f():\n    return A()", False),
    ("assert f() == (1, 'a', b'x', None, True, 1.5, 2j, {1: [2]}, {3}, frozenset({4}), range(3))", "def f():\n    return (1, 'a', b'x', None, True, 1.5, 2j, {1: [2]}, {3}, frozenset({4}), range(3))", True),
    ("from decimal import Decimal\nfrom fractions import Fraction\nimport datetime\nassert f() == [Decimal('1.5'), Fraction(1, 3), datetime.date(2020, 1, 2), datetime.timedelta(hours=1)]", "import datetime\nfrom decimal import Decimal\nfrom fractions import Fraction\ndef f():\n    return [Decimal('1.5'), Fraction(1, 3), datetime.date(2020, 1, 2), datetime.timedelta(hours=1)]", True),
    ("assert f() == {'a': 1}\nassert g() == (1, 2)", "from collections import Counter, namedtuple\nP = namedtuple('P', 'x y')\ndef f():\n    return Counter('a')\ndef g():\n    return P(1, 2)", True),
    ("assert ANSWER == 42", "ANSWER = 42", True),
    ("assert f(10**30) == 2 * 10**30", "def f(n):\n    return 2 * n", True),
    ("assert sum(10, 15) == 25", "def sum(a, b):\n    return a + b", True),
    ("assert sum([10, 15]) == 25", "def other(a, b):\n    return a + b", False),
    ("def check(double):\n    assert double(2) == 4\ncheck(double)", RIGHT, True),
    ("try:\n    f()\nexcept Exception:\n    pass", "import os\ndef f():\n    os._exit(0)", False),
    ("try:\n    f()\nexcept:\n    pass", "def f():\n    raise ValueError", True),
    ("assert f(3) == 1", "def f(n):\n    return f(n + 1)", False),
    ("assert f(3) == 1", "def f(n):\n    import no_such_module", False),
    ("assert f() == 'a</s>b<|im_end|>'", "```python\ndef f():\n    return 'a</s>b<|im_end|>'\n```", True),
    ("assert f('7') == 7", "```python\nn = int(input())\n```\n```python\ndef f(text):\n    n = int(text)\n    return n\n```", True),
    ("assert f(x=1, y=[2]) == 3", "def f(x, y):\n    return x + y[0]", True),
]  # fmt: skip


@behind
@pytest.mark.parametrize(("tests", "program", "correct"), TESTS)
def test_tests_become_calls(graded, tests, program, correct):
    grade = graded(tests, program)
    assert (grade.correct, grade.graded) == (correct, True), grade


NOT_GRADABLE = [
    ("assert True", "nothing of the program"),
    ("assert 1 +", "not Python"),
    ("try:\n    f()\nexcept Mine:\n    pass", "catch Mine"),
    ("class Node: pass\nassert f(Node()) == 1", "an object of the class Node"),
    ("assert isinstance(f(), Mine)", "a class of the program's own"),
    ("assert eval(f()) == 6", "eval"),
    ("import pickle\nassert pickle.loads(f()) == 6", "pickle"),
    ("a = []\nassert f(a) is not a", "which object"),
    ("def test_it():\n    assert f() == 1", "call nothing"),
    ("def check(candidate):\n    assert candidate() == 1\nf", "call nothing"),
    ("p = Mine()\np.x = 5\nassert p.x == 5", "cannot be put to it"),
    ("assert Mine() == Mine()", "two objects"),
    ("def bad():\n    raise ValueError\nassert call(bad) == 1", "raises within the program"),
    ("import no_such_module\nassert f() == 1", "no_such_module"),
]


@behind
@pytest.mark.parametrize(("tests", "says"), NOT_GRADABLE)
def test_tests_that_cannot_be_put_so_are_named(graded, tests, says):
    grade = graded(tests, "class Mine(Exception): pass\ndef f(x=0):\n    return 1\ndef call(g):\n    return g()")
    assert (grade.correct, grade.graded) == (False, False)
    assert says in str(grade.extracted)


@behind
def test_a_program_that_takes_too_long_is_wrong_and_says_why(tmp_path):
    from offmodel.benchmarks.graders.judge import Judge

    file = tmp_path / "mine.jsonl"
    file.write_text(json.dumps({"question": "Write it.", "answer": DOUBLE}) + "\n")
    benchmark, judge = get_benchmark(f"file:{file}?grader=code"), Judge(seconds=1)
    item = benchmark.pool()[0]
    sleeps = "import time\ndef double(n):\n    time.sleep(60)"
    loops = "def double(n):\n    while True: pass"
    try:
        grades = judge.grade_all(benchmark, [(item, sleeps), (item, loops), (item, RIGHT)])
        assert [(g.correct, g.graded) for g in grades] == [(False, True), (False, True), (True, True)]
        assert all("too long" in str(g.extracted) for g in grades[:2])
    finally:
        judge.close()


def test_names_that_tests_ask_for():
    assert Tests.read("import math\nx = f(1)\nassert math.floor(x) == g(y for y in [1])").asked == {"f", "g"}
    assert program_of("no program here", frozenset({"f"})) is None
    with pytest.raises(NotGradable):
        Tests.read("x = (")


@behind
def test_one_program_leaves_nothing_to_the_next(graded):
    leaves = "import decimal\ndecimal.getcontext().prec = 3\ndef f():\n    return 1"
    assert graded("import decimal\ndecimal.getcontext().prec = 3\nlen = lambda x: 1\nassert f() == 1", leaves).correct
    exact = "from decimal import Decimal\nassert len(str(Decimal(1) / Decimal(7))) > 20\nassert len([1, 2]) == f()"
    assert graded(exact, "def f():\n    return 2").correct


@behind
def test_what_a_program_calls_its_exceptions_is_not_kept(graded):
    claims = "import json\njson.dumps = lambda *a, **k: '{\"raised\": \"' + 'SECRET' * 9 + '\"}'\n"
    assert "SECRET" not in str(graded(DOUBLE, claims + "raise ValueError"))
    assert "SECRET" not in str(graded(DOUBLE, RIGHT + claims))
