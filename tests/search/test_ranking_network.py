"""The network of the ranking: what signals say together."""

from __future__ import annotations

import json

import numpy as np
import pytest

from codesift.search.network import CONTEXT, MAX_LENGTH, Network, context
from codesift.search.ranking import TOGETHER, shipped_model
from codesift.search.signals import SIGNALS, Evidence, QueryTerms

NETWORK = Network(
    inputs=("words", "draft"),
    mean=(0.5, 0.0),
    scale=(0.5, 2.0),
    inner=((1.0, 1.0), (-1.0, 0.0), (0.0, 2.0)),
    bias=(0.0, 0.5, -1.0),
    outer=(1.0, -2.0, 0.5),
)
ROWS = [{"words": 1.0, "draft": 2.0}, {"words": 0.0, "draft": -2.0}, {"words": 0.5, "draft": 0.0}]


def test_values_are_those_of_one_hidden_layer_of_rectified_units() -> None:
    inputs = (np.array([[row["words"], row["draft"]] for row in ROWS]) - NETWORK.mean) / NETWORK.scale
    hidden = np.maximum(inputs @ np.array(NETWORK.inner).T + NETWORK.bias, 0)
    assert NETWORK.values(ROWS, {}) == pytest.approx((hidden @ NETWORK.outer).tolist())
    assert NETWORK.values([], {}) == []


def test_a_candidate_has_the_same_value_among_others() -> None:
    network = shipped_model().network
    assert network is not None
    rng = np.random.default_rng(1)
    rows = [dict(zip(network.inputs, row, strict=True)) for row in rng.random((40, len(network.inputs)))]
    together = network.values(rows, {})
    assert [network.values([row], {})[0] for row in rows] == together


def test_an_input_that_is_taken_away_or_has_no_weight_does_not_count() -> None:
    changed = [{**row, "draft": row["draft"] + 1} for row in ROWS]
    assert NETWORK.values(ROWS, {}) != NETWORK.values(changed, {})
    for factors, network in (({"draft": 0.0}, NETWORK), ({}, NETWORK.without(["draft"]))):
        assert network.values(ROWS, factors) == network.values(changed, factors)


def test_it_is_stored_as_json() -> None:
    again = Network.from_json(json.loads(json.dumps(NETWORK.to_json())))
    assert again.values(ROWS, {}) == NETWORK.values(ROWS, {})


def test_the_context_tells_about_the_query_and_all_candidates() -> None:
    query = QueryTerms("where is the TideTable read", dict.fromkeys(["tide", "table", "read", "is"], 1.0))
    found = [
        Evidence(terms=frozenset(["tide", "table", "read"]), cosine=0.5),
        Evidence(terms=frozenset(["tide"])),
    ]
    assert context(query, found) == {
        "query_length": 4.0,
        "query_coverage": 0.75,
        "query_common_coverage": pytest.approx(0.1),
        "query_asks": 1.0,
        "query_names": 1.0,
        "query_vectors": 0.5,
    }
    nothing = context(QueryTerms("read", {}), [])
    assert nothing.keys() == CONTEXT.keys() and not any(nothing.values())
    long = QueryTerms("", {str(number): 1.0 for number in range(50)})
    assert context(long, [])["query_length"] == MAX_LENGTH


def test_the_shipped_network_sees_signals_and_context_but_no_length() -> None:
    network = shipped_model().network
    assert network is not None and TOGETHER not in network.inputs
    assert set(network.inputs) == {*SIGNALS, *CONTEXT} - {"symbol", "short"}
