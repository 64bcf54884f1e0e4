"""Runs one program behind the wall, and does what it is asked: values, calls, attributes. Standard library only.

Started by `wall` as a script. What comes back are plain values, taken apart by type and not by the program's own
classes (`Plain`); of anything else a handle, that can be called and asked for attributes. Nothing that the program
should return is known here: it is compared in another process (`code`).
"""

import builtins
import collections
import contextlib
import ctypes
import datetime
import decimal
import fractions
import json
import os
import resource
import struct
import sys
import types
from typing import Any

DEEPEST = 200
"""How deeply values may be nested."""
TYPES = {
    "fraction": fractions.Fraction, "decimal": decimal.Decimal, "date": datetime.date, "datetime": datetime.datetime,
    "time": datetime.time, "timedelta": datetime.timedelta,
}  # fmt: skip
SEQUENCES = {"list": list, "tuple": tuple, "set": set, "frozenset": frozenset, "deque": collections.deque}


class Opaque(Exception):
    """A value that is not plain."""


class Plain:
    """Values as JSON and back: [kind, content].

    Args:
        other: encodes what is not plain, or raises `Opaque`.
        known: decodes kinds that are not plain.
    """

    def __init__(self, other, known):
        self.other, self.known = other, known

    def encode(self, value, depth=0) -> Any:
        """A value by its type; a value of a class derived from a plain type as the plain value that it holds."""
        if depth > DEEPEST:
            raise Opaque("nested too deeply")
        for kind in type(value).__mro__:
            if kind in (bool, type(None), str):
                return [kind.__name__, kind.__str__(value) if kind is str else value]
            if kind is int:
                return ["int", hex(int.__index__(value))]
            if kind is float:
                return ["float", float.__repr__(value)]
            if kind is complex:
                value = complex.__add__(value, 0)
                return ["complex", [repr(value.real), repr(value.imag)]]
            if kind in (bytes, bytearray):
                return [kind.__name__, bytes.hex(bytes(value))]
            if kind in SEQUENCES.values():
                return [kind.__name__, [self.encode(item, depth + 1) for item in kind.__iter__(value)]]
            if kind is dict:
                pairs = [(key, dict.__getitem__(value, key)) for key in dict.__iter__(value)]
                return ["dict", [[self.encode(k, depth + 1), self.encode(v, depth + 1)] for k, v in pairs]]
            if kind is range:
                return ["range", [hex(value.start), hex(value.stop), hex(value.step)]]
            if kind in (fractions.Fraction, decimal.Decimal):
                return [kind.__name__.lower(), str(kind(value))]
            if kind in (datetime.datetime, datetime.date, datetime.time):
                return [kind.__name__, kind.isoformat(value)]
            if kind is datetime.timedelta:
                return ["timedelta", [value.days, value.seconds, value.microseconds]]
            if kind.__module__ == "numpy" and kind.__name__ == "generic":
                return self.encode(value.item(), depth + 1)
        if value is Ellipsis or value is NotImplemented:
            return ["name", repr(value)]
        return self.other(value)

    def decode(self, pair, depth=0) -> Any:
        """The value of what `encode` wrote.

        Raises:
            ValueError: for anything that it does not write.
        """
        if depth > DEEPEST or not isinstance(pair, list) or len(pair) != 2:
            raise ValueError("no value")
        kind, content = pair
        if kind in ("bool", "NoneType", "str") and type(content).__name__ == kind:
            return content
        if kind == "int":
            return int(content, 16)
        if kind == "float":
            return float(content)
        if kind == "complex":
            return complex(float(content[0]), float(content[1]))
        if kind in ("bytes", "bytearray"):
            return {"bytes": bytes, "bytearray": bytearray}[kind].fromhex(content)
        if kind in SEQUENCES:
            return SEQUENCES[kind](self.decode(item, depth + 1) for item in content)
        if kind == "dict":
            return {self.decode(k, depth + 1): self.decode(v, depth + 1) for k, v in content}
        if kind == "range":
            return range(*(int(n, 16) for n in content))
        if kind in ("fraction", "decimal"):
            return TYPES[kind](content)
        if kind in ("date", "datetime", "time"):
            return TYPES[kind].fromisoformat(content)
        if kind == "timedelta":
            return datetime.timedelta(*content)
        return self.known(kind, content)


def refill(old, new):
    """Give a container the content of another, so that what a call changed in its arguments is seen by the caller."""
    if type(old) is not type(new) or old is new:
        return
    if isinstance(old, (list, bytearray)):
        old[:] = new
    elif isinstance(old, (dict, set)):
        old.clear()
        old.update(new)
    elif isinstance(old, collections.deque):
        old.clear()
        old.extend(new)


class Server:
    """Does what is asked of one program. Handles keep what is not plain alive by number."""

    def __init__(self, receive, send):
        self.receive, self.send, self.kept = receive, send, []
        self.plain = Plain(self.keep, self.known)
        self.space = types.ModuleType("program")
        sys.modules["program"] = self.space

    def keep(self, value):
        self.kept.append(value)
        return ["handle", len(self.kept) - 1]

    def known(self, kind, content):
        if kind == "handle":
            return self.kept[content]
        if kind == "program":
            return getattr(self.space, content)
        if kind == "name":
            module, _, name = content.rpartition(":")
            found = __import__(module, fromlist=["x"]) if module else builtins
            for part in name.split("."):
                found = getattr(found, part)
            return found
        if kind == "callback":
            return lambda *args, **named: self.call_back(content, args, named)
        raise ValueError("no value")

    def call_back(self, number, args, named):
        """Call a function of the tests, in their process."""
        self.send({"callback": number, "args": self.plain.encode(list(args)), "named": self.plain.encode(named)})
        return self.plain.decode(self.receive()["value"])

    def run(self, source, imports):
        self.space.__dict__["__builtins__"] = builtins
        exec(compile(source, "program", "exec", dont_inherit=True), self.space.__dict__)
        for line in imports.splitlines():  # those of the tests, which programs of the field lean on
            with contextlib.suppress(ImportError):  # of which the tests will say so
                exec(compile(line, "imports", "exec", dont_inherit=True), self.space.__dict__)

    def answer(self, request):
        """One of: look (what a name is), call, attribute, iterate, length, item."""
        do = request["do"]
        if do == "look":
            if not hasattr(self.space, request["name"]):
                return {"absent": True}
            value = getattr(self.space, request["name"])
            return {"callable": True} if callable(value) else {"value": self.plain.encode(value)}
        target = self.plain.decode(request["target"])
        if do == "call":
            args, named = self.plain.decode(request["args"]), self.plain.decode(request["named"])
            answer = {"value": self.plain.encode(target(*args, **named))}
            if any(isinstance(a, (list, dict, set, bytearray, collections.deque)) for a in args):
                answer["args"] = self.plain.encode(list(args))
            return answer
        if do == "attribute":
            value = getattr(target, request["name"])
        elif do == "iterate":
            value = list(target)
        elif do == "length":
            value = len(target)
        else:
            value = target[self.plain.decode(request["key"])]
        return {"value": self.plain.encode(value)}


DENIED = {
    "x86_64": {
        *(29, 30, 64, 68),  # shmget, shmat, semget, msgget: memory that no process owns
        *(101, 310, 311),  # ptrace, process_vm_readv, process_vm_writev
        *(155, 161, 165, 166, 272, 308),  # pivot_root, chroot, mount, umount2, unshare, setns
        *(248, 249, 250),  # add_key, request_key, keyctl: keyrings belong to the host
        *(298, 319, 321, 323, 425, 428, 429, 430, 442),  # perf_event_open, memfd_create, bpf, userfaultfd, io_uring, mount API
    },
    "aarch64": {
        *(194, 196, 190, 186, 117, 270, 271, 41, 51, 40, 39, 97, 268, 217, 218, 219, 241, 279, 280, 282, 425, 428, 429, 430, 442)
    },
}
"""System calls that reach past the wall or past its limits, by machine."""
ARCHITECTURE, CLONE = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}, {"x86_64": 56, "aarch64": 220}
CLONE3, NEW_USER = 435, 0x10000000


def filter_calls():
    """Let the kernel refuse system calls of `DENIED`, new user namespaces, and other machines' calls (seccomp; Linux only)."""
    machine = os.uname().machine
    if sys.platform != "linux" or machine not in DENIED:
        return
    allow, refuse, missing = (0x06, 0, 0, 0x7FFF0000), (0x06, 0, 0, 0x00050001), (0x06, 0, 0, 0x00050000 + 38)
    program = [(0x20, 0, 0, 4), (0x15, 1, 0, ARCHITECTURE[machine]), refuse, (0x20, 0, 0, 0), (0x35, 0, 1, 0x40000000), refuse]
    for number in sorted(DENIED[machine]):
        program += [(0x15, 0, 1, number), refuse]
    program += [
        (0x15, 0, 1, CLONE3),
        missing,
        (0x15, 0, 3, CLONE[machine]),
        (0x20, 0, 0, 16),
        (0x45, 0, 1, NEW_USER),
        refuse,
        allow,
    ]
    code = b"".join(struct.pack("HBBI", *instruction) for instruction in program)
    held = ctypes.create_string_buffer(code, len(code))
    described = ctypes.create_string_buffer(struct.pack("HP", len(program), ctypes.addressof(held)))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, described, 0, 0):  # no new privileges; a seccomp filter
        raise OSError(ctypes.get_errno(), "no seccomp filter")


def restrict(uid, memory, seconds=None, processes=None):
    """Become a user that owns nothing, and limit what this process and those that it starts may use."""
    if uid and os.getuid() == 0:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    filter_calls()
    limits = [(resource.RLIMIT_AS, memory), (resource.RLIMIT_FSIZE, 16 << 20), (resource.RLIMIT_CORE, 0)]
    limits += [(resource.RLIMIT_NPROC, processes)] if processes else []
    limits += [(resource.RLIMIT_CPU, seconds)] if seconds else []
    for what, most in limits:
        resource.setrlimit(what, (most, most))


def channel():
    """The two functions that speak with whoever started this process; what it prints goes nowhere."""
    incoming, outgoing = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nowhere, standard)

    def receive():
        size = incoming.read(8)
        return incoming.read(int.from_bytes(size, "big")) if len(size) == 8 else None

    def send(message):
        outgoing.write(message + b"\n")
        outgoing.flush()

    return receive, send


def kind(error):
    """The name of a built-in exception; of the program's own ones the nearest that it derives from."""
    return next(c.__name__ for c in type(error).__mro__ if getattr(builtins, c.__name__, None) is c)


def main():
    options = json.loads(sys.argv[1])
    sys.path[:] = [*sys.path, *options["path"]]
    receive, send = channel()
    restrict(options["uid"], options["memory"], options["seconds"], options["processes"])
    sys.argv = ["program"]
    exit_ = os._exit

    def ask():
        message = receive()
        if message is None:
            exit_(0)
        return json.loads(message)

    def reply(value):
        send(json.dumps(value).encode())

    server = Server(ask, reply)
    first = ask()
    try:
        server.run(first["source"], first["imports"])
        reply({"ran": True})
    except BaseException as e:
        reply({"raised": kind(e)})
    while True:
        request = ask()
        try:
            answer = server.answer(request)
        except BaseException as e:
            answer = {"raised": kind(e)}
        reply(answer)


if __name__ == "__main__":
    main()
