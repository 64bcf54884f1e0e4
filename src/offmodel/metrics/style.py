"""Reasoning style: countable habits of a text, and a classifier that tells the base's voice from another's.

Source: "Why does off-model SFT degrade capabilities?", hypothesis 4: the phrases, steps, checks and
representations a model tends to use. The features are ours; the post reads transcripts.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from pydantic import SerializeAsAny

from offmodel.metrics.paired import bootstrap_means
from offmodel.pipeline.execute import Context
from offmodel.pipeline.step import Step
from offmodel.pipeline.store import Artifact

PER = 100
"""Rates are per this many words."""

PATTERNS = {
    "latex": re.compile(r"\\(?!boxed)[a-zA-Z]+|\$[^$\n]+\$|\\\(|\\\["),
    "headers": re.compile(r"^#{1,6} ", re.M),
    "bold": re.compile(r"\*\*[^*\n]+\*\*"),
    "bullets": re.compile(r"^\s*(?:[-*•]|\d+[.)]) ", re.M),
    "connectives": re.compile(r"\b(?:so|then|thus|therefore|hence|next|finally|after that|because|since|first)\b", re.I),
    "first_person": re.compile(r"\b(?:i|we|us|our|my|let's)\b", re.I),
    "exclamations": re.compile(r"!"),
}
"""What is counted; ``\\boxed`` is asked for by the benchmarks and is no habit."""


def features(text: str) -> dict[str, float]:
    """Rates per 100 words of each pattern, the mean words of a sentence or line, and the natural logarithm of all words."""
    words = max(1, len(text.split()))
    rates = {name: PER * len(pattern.findall(text)) / words for name, pattern in PATTERNS.items()}
    sentences = [s for s in re.split(r"[.!?]\s|\n+", text) if s.strip()]
    return rates | {"sentence_words": words / max(1, len(sentences)), "log_words": math.log(words)}


def mean_features(texts: Sequence[str]) -> dict[str, float]:
    """The features averaged over texts."""
    rows = [features(t) for t in texts]
    return {name: float(np.mean([r[name] for r in rows])) for name in rows[0]}


def shape(text: str) -> str:
    """A text with its numbers masked: what is said, not about which quantities."""
    return re.sub(r"\d+", "0", text.lower())


Chat = dict[str, str]
"""An author's replies by the prompts' ids."""


@dataclass
class StyleClassifier:
    """Tells one author's voice from another's.

    Attributes:
        model: a fitted scikit-learn pipeline over `shape`d texts.
        accuracy: balanced, cross-validated on the chat it was fitted on: 0.5 means that the two cannot be told apart.
    """

    model: Any
    accuracy: float

    def scores(self, texts: Sequence[str]) -> np.ndarray:
        """How much each text sounds like the second author: log-odds, shape (texts,)."""
        return self.model.decision_function([shape(t) for t in texts])


def fit_style(ours: Chat, theirs: Chat, folds: int = 5) -> StyleClassifier:
    """Fit the classifier on two authors' chat: words, word pairs and punctuation, and the habits of `features`.

    Replies to one prompt stay in one fold: beside its twin by the other author, a held-out reply would be
    taken for the other's because of what both are about.

    Raises:
        ValueError: when either author has fewer texts than folds.
    """
    from sklearn.model_selection import GroupKFold, cross_val_score

    if min(len(ours), len(theirs)) < folds:
        raise ValueError(f"the style classifier needs {folds} texts of each author, there are {len(ours)} and {len(theirs)}")
    texts = [shape(t) for t in [*ours.values(), *theirs.values()]]
    labels = np.array([0] * len(ours) + [1] * len(theirs))
    prompts = [*ours, *theirs]
    accuracy = cross_val_score(
        _pipeline(), texts, labels, groups=prompts, cv=GroupKFold(folds), scoring="balanced_accuracy"
    ).mean()
    return StyleClassifier(_pipeline().fit(texts, labels), float(accuracy))


def _pipeline() -> Any:
    from sklearn.feature_extraction import DictVectorizer
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline, make_union
    from sklearn.preprocessing import FunctionTransformer, StandardScaler

    words = TfidfVectorizer(token_pattern=r"\w+|[^\w\s]+", ngram_range=(1, 2), min_df=2, sublinear_tf=True)
    habits = make_pipeline(FunctionTransformer(_habits), DictVectorizer(sparse=False), StandardScaler())
    return make_pipeline(make_union(words, habits), LogisticRegression(C=10, max_iter=2000))


def _habits(texts: Sequence[str]) -> list[dict[str, float]]:
    return [features(t) for t in texts]


APART = 0.7
"""Balanced accuracy on held-out chat from which two authors count as having voices of their own."""


def measure(ours: Chat, theirs: Chat, before: list[str], reference: list[str], after: list[str]) -> dict[str, Any]:
    """How far ``after`` has moved from ``before`` to ``reference``, by a classifier fitted on chat.

    Authors whom it cannot tell apart have one voice, and there is nowhere to move: the shift is 0.

    Args:
        ours, theirs: chat of the base and of the other author, on prompts that nothing was trained on.
        before: the base's reasoning; shift 0.
        reference: the other author's reasoning, or its chat; shift 1.
        after: reasoning of the tuned model.

    Returns:
        ``shift`` with its interval ``ci`` (over the texts), and ``classifier``, its accuracy on held-out chat.
    """
    classifier = fit_style(ours, theirs)
    about = {"classifier": round(classifier.accuracy, 4)}
    if classifier.accuracy < APART:
        return {"shift": 0.0, "ci": [0.0, 0.0]} | about
    low, high = classifier.scores(before).mean(), classifier.scores(reference).mean()
    moved = (classifier.scores(after) - low) / (high - low)
    means = bootstrap_means(moved)
    ci = [round(float(np.quantile(means, q)), 4) for q in (0.025, 0.975)]
    return {"shift": round(float(moved.mean()), 4), "ci": ci} | about


class StyleShift(Step):
    """`measure` on the completions of five steps: two authors' chat, and reasoning before, of reference, and after."""

    kind: ClassVar[str] = "style"
    VERSION: ClassVar[int] = 2
    needs_model: ClassVar[bool] = False

    ours: SerializeAsAny[Step]
    theirs: SerializeAsAny[Step]
    before: SerializeAsAny[Step]
    reference: SerializeAsAny[Step]
    after: SerializeAsAny[Step]

    def label(self) -> str:
        return f"shift {self.after.label()}"

    def run(self, context: Context) -> None:
        ours, theirs = (replies(context.load(step)) for step in (self.ours, self.theirs))
        before, reference, after = (texts(context.load(step)) for step in (self.before, self.reference, self.after))
        context.write_json(measure(ours, theirs, before, reference, after), "summary.json")

    def load(self, artifact: Artifact) -> dict[str, Any]:
        return artifact.json("summary.json")


def replies(rows: list[dict[str, Any]]) -> Chat:
    """The completions that say anything, by the prompts' ids."""
    return {row["id"]: row["completion"] for row in rows if row["completion"].strip()}


def texts(rows: list[dict[str, Any]]) -> list[str]:
    """The completions that say anything."""
    return [row["completion"] for row in rows if row["completion"].strip()] or [""]
