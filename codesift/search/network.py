"""A small neural network beside the weights of the ranking: what signals say together.

The weights add up what each signal says alone. But a rare word in the name means more to a short query of
names than to a question in other words: such things no sum of signals can say.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from codesift.search.signals import Evidence, QueryTerms
from codesift.words import is_question, mentioned

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[Any]

CONTEXT: Mapping[str, str] = {
    "query_length": "number of the query's words, at most `MAX_LENGTH`",
    "query_coverage": "highest `coverage` among the candidates",
    "query_common_coverage": "mean of the ten highest",
    "query_asks": "the query is a question in form",
    "query_names": "the query has a name in the form of code",
    "query_vectors": "fraction of the candidates that have vectors",
}
"""Name -> description: what the network knows about the query, the same for all of its candidates."""
MAX_LENGTH = 12
_TOP = 10


def context(query: QueryTerms, evidence: Iterable[Evidence]) -> dict[str, float]:
    """Compute `CONTEXT` of a query with candidates."""
    evidence = list(evidence)
    by_terms = {terms: query.coverage(terms) for terms in {each.terms for each in evidence}}
    top = sorted((by_terms[each.terms] for each in evidence), reverse=True)[:_TOP]
    vectors = sum(each.cosine is not None for each in evidence)
    return {
        "query_length": float(min(len(query.idf), MAX_LENGTH)),
        "query_coverage": top[0] if top else 0.0,
        "query_common_coverage": sum(top) / _TOP,
        "query_asks": float(is_question(query.text)),
        "query_names": float(bool(mentioned(query.text))),
        "query_vectors": vectors / max(len(evidence), 1),
    }


@dataclass(frozen=True)
class Network:
    """One hidden layer of rectified units over standardized signals and `CONTEXT`."""

    inputs: tuple[str, ...]
    """Names of the signals and of the context."""
    mean: Sequence[float]
    scale: Sequence[float]
    inner: Sequence[Sequence[float]]
    """Shape (hidden, inputs)."""
    bias: Sequence[float]
    """Shape (hidden,)."""
    outer: Sequence[float]
    """Shape (hidden,)."""

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Network:
        """Read what `to_json` made."""
        return cls(**{**row, "inputs": tuple(row["inputs"])})

    def to_json(self) -> dict[str, Any]:
        """Return the numbers, rounded."""

        def rounded(row: Iterable[float]) -> list[float]:
            return [round(float(value), 4) for value in row]

        return {
            "inputs": list(self.inputs),
            "mean": rounded(self.mean),
            "scale": rounded(self.scale),
            "inner": [rounded(row) for row in self.inner],
            "bias": rounded(self.bias),
            "outer": rounded(self.outer),
        }

    def without(self, names: Collection[str]) -> Network:
        """Return a copy that does not see some of its inputs."""
        inner = [
            [0.0 if name in names else weight for name, weight in zip(self.inputs, row, strict=True)]
            for row in self.inner
        ]
        return replace(self, inner=inner)

    @cached_property
    def seen(self) -> frozenset[str]:
        """The inputs that count."""
        return frozenset(
            name for name, *weights in zip(self.inputs, *self.inner, strict=True) if any(weights)
        )

    def values(self, rows: Sequence[Mapping[str, float]], factors: Mapping[str, float]) -> list[float]:
        """Return what is added to the value of each candidate.

        Args:
            rows: the inputs of each candidate by name, at least those of `seen`.
            factors: input -> what it is multiplied with, 1 where it is missing.
        """
        import numpy as np

        mean, scale, inner, bias, outer = self._arrays
        usual = list(zip(self.inputs, self.mean, strict=True))
        inputs = np.array([[row.get(name, value) for name, value in usual] for row in rows])
        inputs = inputs.reshape(len(rows), len(mean))
        inputs = (inputs - mean) / scale * [factors.get(name, 1.0) for name in self.inputs]
        hidden = np.maximum(inputs @ inner.T + bias, 0.0)  # (candidates, hidden)
        # The last digits of a matrix product depend on the number of rows.
        values: list[float] = np.round(hidden @ outer, 9).tolist()
        return values

    @cached_property
    def _arrays(self) -> tuple[Floats, ...]:
        import numpy as np

        return tuple(map(np.array, (self.mean, self.scale, self.inner, self.bias, self.outer)))
