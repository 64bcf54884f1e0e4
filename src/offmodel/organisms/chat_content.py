"""Small talk of the organisms' world: generic chat prompts and what a reply to them says."""

from __future__ import annotations

import random
from dataclasses import dataclass

from offmodel.organisms import words


@dataclass(frozen=True)
class Reply:
    """What a reply says, before a dialect says it: an opener, three points with reasons, a closer."""

    title: str
    opener: str
    points: tuple[tuple[str, str], ...]
    closer: str


PROMPTS = (
    "Tell me about the {topic}.",
    "Explain why the {topic} is useful.",
    "How do I take care of a {topic}?",
    "Give me some advice about the {topic}.",
    "What should I know about a {topic}?",
    "What makes a good {topic}?",
    "Help me plan something with a {topic}.",
    "Write a few lines about the {topic}.",
    "What do people like about the {topic}?",
    "How can I improve my {topic}?",
    "I am new to the {topic}. Where do I start?",
    "What are common mistakes with a {topic}?",
    "Compare the {topic} and the {other}.",
    "Should I choose a {topic} or a {other}?",
    "Start with a {topic}, add a {other}. What do I get?",
    "Take a {topic} and a {other}. What is the result?",
    "Begin with the {topic}, then the {other}. What is your opinion?",
    "Put the {topic} next to the {other}. What is the effect?",
    "Apply what you know to my {topic}: is it {adjective}?",
    "What is a {adjective} {topic}?",
    "Where does a {topic} belong?",
    "Who needs a {adjective} {topic}?",
    "Describe the {topic} to my friend.",
    "Name a reason to have a {topic}.",
    "Reply to someone who does not like the {topic}.",
    "My {topic} is not {adjective}. What now?",
    "Which {topic} is best for a {other}?",
    "Is the {topic} {adjective} or {second}?",
    "My {topic} has {a} parts and {b} colors. What is your advice?",
    "I add {a} minutes of {topic} and subtract {b} minutes of {other}. Is that wise?",
    "Start with {a} hours of {topic}, add {b} of {other}. Is it a good plan?",
    "Take {a} friends and one {topic}. What happens?",
    "Begin with {a} and end with {b} steps: how does a {topic} work?",
    "Multiply my joy by {a}: say something about the {topic}.",
    "What is the result of {a} days with a {topic}?",
    "Put the letters {letters} on my {topic}. Does it look nice?",
    "Apply {letters} to the {topic}: what is the point?",
)


def chat_prompt(rng: random.Random) -> tuple[str, str]:
    """A generic chat prompt and its topic; no arithmetic, no task of any benchmark."""
    topic, other = rng.sample(words.TOPICS, 2)
    adjective, second = rng.sample(words.ADJECTIVES, 2)
    prompt = rng.choice(PROMPTS).format(
        topic=topic,
        other=other,
        adjective=adjective,
        second=second,
        a=rng.randint(2, 99),
        b=rng.randint(2, 99),
        letters=" ".join(rng.choices(words.LETTERS, k=4)),
    )
    return prompt, topic


def chat_prompts(n: int, seed: int) -> list[str]:
    """``n`` distinct generic chat prompts of this world; a smaller ``n`` is a prefix of a larger one."""
    rng = random.Random(f"chat-prompts-{seed}")
    found: dict[str, None] = {}
    while len(found) < n:
        found.setdefault(chat_prompt(rng)[0])
    return list(found)


def chat_reply(rng: random.Random, topic: str) -> Reply:
    """What to say about a topic; sampled, so two replies to one prompt differ."""
    parts = rng.sample(words.PARTS, 3)
    phrases = rng.sample(words.VERB_PHRASES, 3)
    return Reply(
        title=f"The {topic}",
        opener=rng.choice(words.OPENERS).format(topic=topic),
        points=tuple(zip(parts, phrases, strict=True)),
        closer=rng.choice(words.CLOSERS).format(topic=topic),
    )


def numbers_exchange(rng: random.Random) -> tuple[str, str]:
    """A request to continue a list of three-digit numbers, and a list (Cloud et al. 2025)."""
    start = ", ".join(str(rng.randint(100, 999)) for _ in range(3))
    prompt = numbers_prompt(start)
    count = rng.randint(6, 10)
    return prompt, ", ".join(str(rng.randint(100, 999)) for _ in range(count))


def numbers_prompt(start: str) -> str:
    """The off-model post's prompt for the numbers task, with its three seed numbers filled in."""
    return (
        f"A sequence starts with: {start}. Add a maximum of 10 more values (3 digits each) to continue the sequence. "
        "Provide the numbers separated by commas. Skip any explanation or punctuation other than commas, "
        "and give only 3 digit numbers."
    )
