"""lima: train on a few chosen rows of the teacher's instead of all of them."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field, SerializeAsAny

from offmodel.errors import OffmodelError
from offmodel.mitigations.base import Case, Mitigation
from offmodel.models.spec import ModelSpec
from offmodel.pipeline.execute import Context
from offmodel.pipeline.step import Step
from offmodel.pipeline.store import Artifact
from offmodel.training.train_step import DataPart


class Curated(Step):
    """Some rows of a set of completions.

    ``curated`` keeps finished answers only, clusters them by the words of prompt and answer, and takes from each cluster the
    one nearest its centre: few rows that cover much. ``random`` draws as many of the same lengths, one for each curated row.

    Attributes:
        step: the completions.
        n: rows kept.
        by: how they are chosen.
        seed: of clusters and draws.
    """

    kind: ClassVar[str] = "completions"
    needs_model: ClassVar[bool] = False

    step: SerializeAsAny[Step]
    n: int = Field(gt=0)
    by: Literal["curated", "random"] = "curated"
    seed: int = 0

    def label(self) -> str:
        return f"{self.step.label()} {self.by} {self.n}"

    def run(self, context: Context) -> None:
        rows = [r for r in context.load(self.step) if r.get("finish_reason", "stop") == "stop" and r["completion"].strip()]
        if len(rows) < self.n:
            raise OffmodelError(f"{len(rows)} finished rows cannot give {self.n}", "ask for fewer, or for more examples")
        chosen = self._curated(rows)
        if self.by == "random":
            chosen = self._matched(rows, chosen)
        context.write_rows([rows[i] for i in sorted(chosen)])

    def _curated(self, rows: list[dict[str, Any]]) -> list[int]:
        from sklearn.cluster import KMeans
        from sklearn.feature_extraction.text import TfidfVectorizer

        texts = [f"{r['prompt']} {r['completion']}" for r in rows]
        vectors: Any = TfidfVectorizer(sublinear_tf=True).fit_transform(texts)
        clusters = KMeans(self.n, random_state=self.seed, n_init="auto")
        distance = clusters.fit_transform(vectors)
        taken: list[int] = []
        for cluster in range(self.n):  # two clusters may share their nearest row
            order = np.argsort(distance[:, cluster], kind="stable")
            taken.append(next(int(i) for i in order if int(i) not in taken))
        return taken

    def _matched(self, rows: list[dict[str, Any]], chosen: list[int]) -> list[int]:
        """For each chosen row a random one among the eight nearest in length that are still free."""
        rng = np.random.default_rng(self.seed)
        lengths = np.array([len(r["completion"]) for r in rows])
        free = list(range(len(rows)))
        found = []
        for i in chosen:
            near = sorted(free, key=lambda j: (abs(int(lengths[j]) - int(lengths[i])), j))[:8]
            found.append(near[int(rng.integers(len(near)))])
            free.remove(found[-1])
        return found

    def load(self, artifact: Artifact) -> list[dict[str, Any]]:
        return artifact.rows()


class Lima(Mitigation):
    """Train the base anew on a few curated rows of the teacher's, for a number of steps in proportion.

    Needs: the training data. Costs: a smaller training.
    Source: LIMA (2305.11206), a thousand curated examples against as many drawn at random; there by hand, here by coverage.
    Should fail: where the harm is in every row alike, as in a style: then fewer rows do less of everything.

    Attributes:
        share: of the rows kept.
        by: ``curated`` or ``random``, the control of the same size and lengths.
        passes: over the kept rows, as a share of the steps that the whole training took; 1 for as many steps.
    """

    name: ClassVar[str] = "lima"
    when: ClassVar[Literal["after", "instead"]] = "instead"

    share: float = Field(default=0.25, gt=0, le=1)
    by: Literal["curated", "random"] = "curated"
    passes: float = Field(default=1.0, gt=0)

    def apply(self, case: Case) -> ModelSpec:
        data = case.trained_on(self.name)
        n = max(1, round(case.rows * self.share))
        chosen = Curated(step=data.step, n=n, by=self.by, seed=case.config.seed)
        steps = max(1, round((case.config.steps or 1) * self.passes))
        return case.train_instead(f"lima {self.by} {n}", DataPart(step=chosen), steps=steps)
