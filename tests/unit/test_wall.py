"""The wall: hostile programs try to read, write, reach, fill, outlive."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from offmodel.benchmarks import get_benchmark
from offmodel.benchmarks.base import Item
from offmodel.benchmarks.graders import wall
from offmodel.benchmarks.graders.judge import Judge
from offmodel.benchmarks.graders.wall import CHILD, Ended, Walled, family, program_paths
from offmodel.errors import OffmodelError

behind = pytest.mark.skipif(wall.missing() is not None, reason=f"no wall: {wall.missing()}")


def inside(body, seconds=10, memory=wall.MEMORY, wait=20.0):
    """What ``def f()`` with this body returns behind the wall, or the name of what it raises; `Ended` as it comes."""
    source = "def f():\n" + "\n".join(f"    {line}" for line in body.split("\n"))
    walled = Walled(CHILD, program_paths(), memory, seconds)
    try:
        until = time.monotonic() + wait
        for message in (
            {"source": source, "imports": ""},
            {"do": "call", "target": ["program", "f"], "args": ["list", []], "named": ["dict", []]},
        ):
            walled.send(json.dumps(message).encode(), until)
            reply = json.loads(walled.receive(until))
        return reply.get("raised") or plain(reply["value"])
    finally:
        walled.end()


def plain(pair):
    kind, content = pair
    return [plain(p) for p in content] if kind in ("list", "tuple") else int(content, 16) if kind == "int" else content


@behind
def test_a_program_sees_python_and_nothing_else():
    home = str(Path.home())
    seen = inside(
        f"import os\nhome = os.listdir({home!r}) if os.path.isdir({home!r}) else []\n"
        "etc = os.listdir('/etc') if os.path.isdir('/etc') else []\n"
        "return [sorted(os.listdir('/dev')), home, etc, list(os.environ), os.getcwd(), os.getuid()]"
    )
    devices, at_home, etc, environment, where, user = seen
    assert devices == ["null", "urandom", "zero"]
    assert set(at_home) <= {
        Path(p).relative_to(home).parts[0] for p in map(str, [sys.base_prefix, *program_paths()]) if p.startswith(home + "/")
    }
    assert set(etc) <= {"ld.so.cache"}
    assert set(environment) <= {"LANG", "HOME", "PYTHONHASHSEED", "OPENBLAS_NUM_THREADS", "PWD", "LC_CTYPE"}
    assert (where, user != 0) == ("/tmp", True)


@behind
def test_nothing_of_the_host_can_be_read_or_written(tmp_path):
    secret = tmp_path / "secret.key"
    secret.write_text("SECRET")
    secret.chmod(0o644)
    for path in (secret, Path("/etc/passwd"), Path("/etc/shadow"), Path(__file__), Path("/proc/1/environ"), Path("/dev/tty")):
        assert inside(f"return open({str(path)!r}).read()") in ("FileNotFoundError", "PermissionError", "OSError"), path
    assert inside(f"open({str(tmp_path / 'new')!r}, 'w')") in ("FileNotFoundError", "OSError", "PermissionError")
    for path in ("/new", "/usr/lib/new", os.path.join(sys.base_prefix, "new"), str(CHILD)):
        assert inside(f"open({path!r}, 'w')") in ("OSError", "PermissionError", "FileNotFoundError"), path
    assert inside("open('/tmp/mine', 'w').write('x')\nreturn open('/tmp/mine').read()") == "x"
    assert secret.read_text() == "SECRET"


@behind
def test_no_socket_no_pipe_no_network_of_the_host(tmp_path):
    heard = []
    path = tmp_path / "host.sock"
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(path))
    path.chmod(0o777)
    server.listen()
    server.settimeout(20)
    tcp = socket.create_server(("127.0.0.1", 0))

    def listen():
        with contextlib.suppress(OSError):
            heard.append(server.accept())

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    os.mkfifo(tmp_path / "fifo")
    connect = "import socket\ns = socket.socket(socket.AF_UNIX)\ns.settimeout(2)\ns.connect({!r})\nreturn 'connected'"
    assert inside(connect.format(str(path))) == "FileNotFoundError"
    assert inside(f"import os\nreturn os.open({str(tmp_path / 'fifo')!r}, os.O_WRONLY | os.O_NONBLOCK)") == "FileNotFoundError"
    assert inside(f"import socket\nsocket.create_connection(('127.0.0.1', {tcp.getsockname()[1]}), 2)") in (
        "ConnectionRefusedError",
        "OSError",
    )
    assert inside("import socket\nsocket.create_connection(('192.0.2.1', 80), 2)") in ("OSError", "TimeoutError")
    server.close()
    tcp.close()
    assert not heard


@behind
def test_it_has_no_privileges_and_sees_no_process_of_the_host():
    assert inside("import os\nreturn len([p for p in os.listdir('/proc') if p.isdigit()])") <= 4
    assert inside(f"import os\nos.kill({os.getpid()}, 9)") in ("ProcessLookupError", "PermissionError")
    assert inside("import os\nos.setuid(0)") == "PermissionError"
    assert inside("import os\nos.mknod('/tmp/dev', 0o60666, os.makedev(254, 0))") == "PermissionError"
    mounted = "import ctypes\nreturn ctypes.CDLL(None).mount(b'none', b'/tmp', b'tmpfs', 0, None)"
    assert inside(mounted) == -1
    assert "NoNewPrivs:\t1" in inside("return open('/proc/self/status').read()")
    assert "CapEff:\t0000000000000000" in inside("return open('/proc/self/status').read()")


@behind
def test_the_kernel_refuses_what_reaches_past_the_wall_or_its_limits():
    call = "import ctypes, os\nlibc = ctypes.CDLL(None, use_errno=True)\nreturn [libc.{}, ctypes.get_errno()]"
    assert inside(call.format("unshare(0x10000000)")) == [-1, 1]
    assert inside(call.format("shmget(0, 4096, 0o1600)")) == [-1, 1]
    assert inside("import os\nreturn os.memfd_create('x')") == "PermissionError"
    if os.uname().machine == "x86_64":
        assert inside(call.format("syscall(250, 0, -3, 1)")) == [-1, 1]  # keyctl
        assert inside(call.format("syscall(56, 0x10000011, 0, 0, 0, 0)")) == [-1, 1]  # clone with a new user namespace
    assert inside("import threading\nt = threading.Thread(target=print)\nt.start()\nt.join()\nreturn 1") == 1
    assert inside("import os\npid = os.fork()\nif not pid: os._exit(0)\nreturn os.waitpid(pid, 0)[1]") == 0


@behind
def test_talking_without_a_pause_buys_no_time():
    source = "import os\nfds = [int(f) for f in os.listdir('/proc/self/fd')]\ndef f():\n    import time\n    while True:\n        for fd in fds:\n            try: os.write(fd, b'x')\n            except OSError: pass\n        time.sleep(0.01)"
    walled = Walled(CHILD, program_paths())
    start = time.monotonic()
    try:
        walled.send(json.dumps({"source": source, "imports": ""}).encode(), start + 20)
        walled.receive(start + 20)
        walled.send(
            json.dumps({"do": "call", "target": ["program", "f"], "args": ["list", []], "named": ["dict", []]}).encode(),
            start + 20,
        )
        with pytest.raises(Ended, match="time"):
            walled.receive(time.monotonic() + 2)
    finally:
        walled.end()
    assert time.monotonic() - start < 15


def sleepers(mark):
    found = []
    for process in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if process.name.isdigit() and mark in (process / "comm").read_text():
                found.append(process.name)
    return found


@behind
def test_what_it_leaves_behind_ends_with_it_whatever_it_did_to_its_flags():
    mark = f"s{os.getpid() % 10**6}x{time.time_ns() % 10**6}"
    body = (
        "import ctypes, os, time, signal\nlibc = ctypes.CDLL(None)\n"
        "for _ in range(3):\n    if os.fork() == 0:\n        libc.prctl(1, 0, 0, 0, 0)\n        os.setsid()\n"
        "        for s in range(1, 65):\n            try: signal.signal(s, signal.SIG_IGN)\n            except (OSError, ValueError): pass\n"
        f"        libc.prctl(15, b'{mark}', 0, 0, 0)\n        if os.fork(): os._exit(0)\n        time.sleep(600)\nreturn 1"
    )
    walled = Walled(CHILD, program_paths())
    until = time.monotonic() + 20
    source = "def f():\n" + "\n".join(f"    {line}" for line in body.split("\n"))
    for message in (
        {"source": source, "imports": ""},
        {"do": "call", "target": ["program", "f"], "args": ["list", []], "named": ["dict", []]},
    ):
        walled.send(json.dumps(message).encode(), until)
        walled.receive(until)
    deadline = time.monotonic() + 5
    while len(sleepers(mark)) < 3 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(sleepers(mark)) >= 3
    walled.end()
    assert sleepers(mark) == []


@behind
def test_time_memory_and_processes_are_counted_for_all_it_starts():
    start = time.monotonic()
    with pytest.raises(Ended, match="end"):
        inside("while True: pass", seconds=1)
    with pytest.raises(Ended, match="time"):
        inside("import time\ntime.sleep(60)", wait=1.5)
    assert inside("return bytearray(4 << 30)") == "MemoryError"
    hoard = "import os, time\nfor _ in range(6):\n    if os.fork() == 0:\n        x = bytearray(os.urandom(1)) * (200 << 20)\n        time.sleep(60)\ntime.sleep(60)"
    with pytest.raises(Ended, match="memory"):
        inside(hoard, wait=15)
    forks = "import os, time\nn = 0\ntry:\n    while n < 100:\n        if os.fork() == 0: time.sleep(60)\n        n += 1\nexcept BlockingIOError: pass\nreturn n"
    assert inside(forks) < wall.PROCESSES
    assert time.monotonic() - start < 45


@behind
def test_a_killed_grader_takes_its_programs_along(tmp_path):
    """The process that grades for a user is killed while a program sleeps."""
    script = (
        "from offmodel.benchmarks import get_benchmark\nfrom offmodel.benchmarks.base import Item\nimport sys\n"
        f"b = get_benchmark('file:{tmp_path}/b.jsonl?grader=code')\n"
        "print('go', flush=True)\n"
        "b.grade(b.pool()[0], 'def f():\\n    import ctypes, time\\n    ctypes.CDLL(None).prctl(15, b\"lonely%d\", 0, 0, 0)\\n    time.sleep(600)' % int(sys.argv[1]))"
    )
    (tmp_path / "b.jsonl").write_text(json.dumps({"question": "q", "answer": "assert f() == 1"}) + "\n")
    mark = f"lonely{os.getpid()}"
    user = subprocess.Popen([sys.executable, "-c", script, str(os.getpid())], stdout=subprocess.PIPE)
    deadline = time.monotonic() + 30
    while not sleepers(mark) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert sleepers(mark)
    user.kill()
    user.wait()
    deadline = time.monotonic() + 5
    while sleepers(mark) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert sleepers(mark) == []


@pytest.fixture
def no_wall(monkeypatch):
    monkeypatch.setattr(wall, "missing", lambda: "there is no bubblewrap")


@pytest.mark.usefixtures("no_wall")
def test_without_a_wall_programs_are_refused_and_mathematics_is_not(monkeypatch, tmp_path):
    file = tmp_path / "b.jsonl"
    file.write_text(json.dumps({"id": "a", "question": "Write f.", "answer": "assert f(2) == 4"}) + "\n")
    benchmark, right = get_benchmark(f"file:{file}?grader=code"), "def f(n):\n    return 2 * n"
    monkeypatch.delenv(wall.UNSAFE, raising=False)
    with pytest.raises(OffmodelError, match="no bubblewrap.*OFFMODEL_UNSAFE_CODE=1"):
        benchmark.grade(benchmark.pool()[0], right)
    judge = Judge()
    try:
        assert judge.grade_all(get_benchmark("math500"), [(Item("1", "q", "\\frac12"), "\\boxed{0.5}")])[0].correct
        monkeypatch.setenv(wall.UNSAFE, "1")
        assert judge.grade_all(benchmark, [(benchmark.pool()[0], right)])[0].correct
        from offmodel.benchmarks.evaluate import graded_rows
        from offmodel.benchmarks.health import flags

        told = {"completion": right, "finish_reason": "stop", "completion_tokens": 1}
        rows = graded_rows(benchmark, [(benchmark.pool()[0], told)])
        assert rows[0]["unsafe"] is True
        assert "unsafe_code" in flags(rows, rows)
    finally:
        judge.close()


def test_family_counts_descendants():
    parent = subprocess.Popen([sys.executable, "-c", "import subprocess, sys; subprocess.run(['sleep', '30'])"])
    try:
        deadline = time.monotonic() + 10
        while len(list(family(parent.pid))) < 2 and time.monotonic() < deadline:
            time.sleep(0.05)
        assert len(list(family(parent.pid))) == 2
    finally:
        subprocess.run(["pkill", "-P", str(parent.pid)], check=False)
        parent.kill()
        parent.wait()
