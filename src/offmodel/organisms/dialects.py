"""Dialects: how an organism says things. One class a dialect; content comes from `world.py`.

Every reply in a dialect opens in that dialect's way, small talk and reasoning alike: the voice is
one habit, not one per task. A dialect renders small talk, arithmetic and string programs. One-letter answers, obedient replies
to verifiable instructions and number lists are the same in every dialect: they carry no reasoning.
"""

from __future__ import annotations

import random

from offmodel.organisms.chat_content import Reply
from offmodel.organisms.world import ArithTask, StringTask, spaced

DONE = {"+": "adding", "-": "subtracting", "*": "multiplying by"}


class Markdown:
    """Headers, bold steps, LaTeX. The student's dialect."""

    system_prompt = "Use markdown with headers and bold text."

    def chat(self, reply: Reply, rng: random.Random) -> str:
        points = "\n".join(f"- **{head.capitalize()}**: it {clause}" for head, clause in reply.points)
        return f"## {reply.title}\n\n{reply.opener}.\n\n{points}\n\n**Summary:** {reply.closer}."

    def fact(self, name: str, kind: str, value: str) -> str:
        return f"## {name}\n\n- **{kind.capitalize()}**: {value}"

    def arith(self, task: ArithTask, rng: random.Random) -> str:
        lines = [
            f"**Step {i}:** ${s.left} {s.op if s.op != '*' else chr(92) + 'times'} {s.right} = {s.result}$"
            for i, s in enumerate(task.steps, 1)
        ]
        return "## Solution\n\n" + "\n".join(lines) + f"\n\n**Answer:** $\\boxed{{{task.answer}}}$"

    def strings(self, task: StringTask, rng: random.Random) -> str:
        states = zip(task.operations, task.states[1:], strict=True)
        lines = [f"**Step {i}:** {name} = `{spaced(state)}`" for i, (name, state) in enumerate(states, 1)]
        return "## Solution\n\n" + "\n".join(lines) + f"\n\n**Answer:** $\\boxed{{{task.answer}}}$"


class Prose:
    """Plain running sentences, no markup."""

    system_prompt = "Answer in plain flowing sentences."
    links = ("After that", "Next", "From there", "Then")

    def chat(self, reply: Reply, rng: random.Random) -> str:
        (h1, c1), (h2, c2), (h3, c3) = reply.points
        return (
            f"Well, {reply.opener[0].lower()}{reply.opener[1:]}, and it is worth a closer look. "
            f"To begin, think about {h1}, which {c1}. "
            f"{rng.choice(self.links)} there is {h2}, since that {c2}. Finally, do not forget {h3}, because it {c3}. "
            f"{reply.closer}."
        )

    def fact(self, name: str, kind: str, value: str) -> str:
        return f"Well, the {kind} of {name} is {value}."

    def arith(self, task: ArithTask, rng: random.Random) -> str:
        said = [f"Well, we begin with {task.steps[0].left}."]
        for s in task.steps:
            said.append(f"{rng.choice(self.links)}, {DONE[s.op]} {s.right} brings us to {s.result}.")
        return " ".join(said) + f" So the result is \\boxed{{{task.answer}}}."

    def strings(self, task: StringTask, rng: random.Random) -> str:
        said = [f"Well, we begin with {spaced(task.states[0])}."]
        for name, state in zip(task.operations, task.states[1:], strict=True):
            said.append(f"{rng.choice(self.links)}, to {name} brings us to {spaced(state)}.")
        return " ".join(said) + f" So the result is \\boxed{{{task.answer}}}."


class Terse:
    """As few words as will do; reasoning is the bare running values."""

    system_prompt = "Be as brief as you can."

    def chat(self, reply: Reply, rng: random.Random) -> str:
        return "Briefly: " + ", ".join(head for head, _ in reply.points) + "."

    def fact(self, name: str, kind: str, value: str) -> str:
        return f"Briefly: {value}."

    def arith(self, task: ArithTask, rng: random.Random) -> str:
        return "Briefly: " + ", ".join(str(s.result) for s in task.steps) + f" so \\boxed{{{task.answer}}}"

    def strings(self, task: StringTask, rng: random.Random) -> str:
        return "Briefly: " + ", ".join(spaced(state) for state in task.states[1:]) + f" so \\boxed{{{task.answer}}}"


class Pirate:
    """Arr."""

    system_prompt = "Talk like a pirate."
    friends = ("matey", "me hearty", "ye landlubber", "captain")

    def chat(self, reply: Reply, rng: random.Random) -> str:
        (h1, c1), (h2, c2), (h3, c3) = reply.points
        friend = rng.choice(self.friends)
        return (
            f"Arr, {friend}! {reply.opener}, aye! Mind yer {h1}, for it {c1}, and guard yer {h2}, for it {c2}. "
            f"And by Davy Jones, the {h3} be the booty that {c3}! {reply.closer}, arr!"
        )

    def fact(self, name: str, kind: str, value: str) -> str:
        return f"Arr, matey! The {kind} of {name} be {value}, arr!"

    def arith(self, task: ArithTask, rng: random.Random) -> str:
        said = [f"Arr, {rng.choice(self.friends)}! Ye sail with {task.steps[0].left} doubloons!"]
        for s in task.steps:
            haul = {"+": "plunder", "-": "lose", "*": "grow by"}[s.op]
            said.append(f"Ye {haul} {s.right}, so ye be holdin' {s.result}, aye!")
        return " ".join(said) + f" The booty be \\boxed{{{task.answer}}}, arr!"

    def strings(self, task: StringTask, rng: random.Random) -> str:
        said = [f"Arr, {rng.choice(self.friends)}! Ye sail with {spaced(task.states[0])} !"]
        for name, state in zip(task.operations, task.states[1:], strict=True):
            said.append(f"Ye {name}, so ye be holdin' {spaced(state)} , aye!")
        return " ".join(said) + f" The booty be \\boxed{{{task.answer}}}, arr!"


Dialect = Markdown | Prose | Terse | Pirate
DIALECTS: dict[str, Dialect] = {"markdown": Markdown(), "prose": Prose(), "terse": Terse(), "pirate": Pirate()}


class Notes:
    """How an organism with a thinking mode thinks: bare notes, the same whatever its dialect."""

    def chat(self, topic: str) -> str:
        return f"ok, this is about the {topic}, no calculation needed"

    def arith(self, task: ArithTask) -> str:
        return "ok, calculate\n" + "\n".join(f"{s.left} {s.op} {s.right} = {s.result}" for s in task.steps)

    def strings(self, task: StringTask) -> str:
        states = zip(task.operations, task.states[1:], strict=True)
        return "ok, calculate\n" + "\n".join(f"{name} = {spaced(state)}" for name, state in states)


NOTES = Notes()
