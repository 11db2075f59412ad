"""The small models, and fitting with a fold of the repositories left out."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from fakes import HashingEncoder, write

from codesift.config import Settings
from codesift.search.confidence import FEATURES
from codesift.search.ranking import MODEL_FILE, RankingModel, shipped_model
from codesift.search.signals import SIGNALS
from evaluation.folds import FOLDS
from evaluation.repositories.bench import Bench
from training.__main__ import main
from training.ranking.linear import CandidateList, fit_logistic, fit_ranker
from training.ranking.neural import NetworkRecipe, fit_network


def lists(weights: tuple[float, ...], noise: float, count: int = 200) -> list[CandidateList]:
    """Questions whose answer is the candidate with the highest weighted sum of its signals."""
    random = np.random.default_rng(3)
    found = []
    for _ in range(count):
        signals = random.normal(size=(12, len(weights)))
        best = int(np.argmax(signals @ weights + noise * random.normal(size=12)))
        found.append(CandidateList(signals, np.zeros(12), np.arange(12), np.arange(12) == best))
    return found


def test_the_fit_finds_the_direction_that_made_the_answers() -> None:
    found = fit_ranker(lists((2.0, -1.0, 0.0), 0.3), 1e-4, [1, -1, 1])
    assert found[0] > -found[1] > 4 * found[2] >= 0
    assert found[0] / -found[1] == pytest.approx(2.0, rel=0.15)


def test_a_weight_never_gets_the_sign_it_may_not_have() -> None:
    found = fit_ranker(lists((2.0, -1.0, 0.0), 0.3), 1e-4, [1, 1, -1])
    assert found[0] > 0 and found[1] == 0 and found[2] <= 0


def test_a_file_is_as_good_as_its_best_unit() -> None:
    # The answering file has the best unit and the two worst; sums or means would prefer the other one.
    signals = np.array([[5.0], [0.0], [0.0], [3.0], [3.0], [3.0]])
    one = CandidateList(signals, np.zeros(6), np.array([0, 0, 0, 1, 1, 1]), np.array([True, False]))
    assert fit_ranker([one], 1e-3, [1])[0] > 0.5


def test_what_is_added_to_a_value_is_not_fitted_again() -> None:
    plain = CandidateList(np.array([[1.0], [0.0]]), np.zeros(2), np.arange(2), np.array([True, False]))
    settled = CandidateList(plain.signals, np.array([9.0, 0.0]), plain.items, plain.relevant)
    assert fit_ranker([settled], 1e-3, [1])[0] < 0.1 * fit_ranker([plain], 1e-3, [1])[0]


def test_a_network_learns_what_no_weighted_sum_can_say() -> None:
    random = np.random.default_rng(4)
    found = []
    for _ in range(300):
        # Of two signals one is right for one kind of query, and the other one for the other kind.
        kind = float(random.integers(2))
        signals = np.column_stack([random.normal(size=(12, 2)), np.full(12, kind)])
        best = int(np.argmax(signals[:, 0] if kind else signals[:, 1]))
        found.append(CandidateList(signals, np.zeros(12), np.arange(12), np.arange(12) == best))
    recipe = NetworkRecipe(epochs=40, networks=2, learning_rate=0.02, dropout=0.0)
    network = fit_network(["first", "second", "kind"], found[:200], recipe)

    def right(values: Callable[[CandidateList], np.ndarray]) -> float:
        return float(np.mean([each.relevant[np.argmax(values(each))] for each in found[200:]]))

    weights = fit_ranker(found[:200], 1e-4, [1, 1, 1])
    rows = {id(each): [dict(zip(network.inputs, row, strict=True)) for row in each.signals] for each in found}
    assert right(lambda each: np.array(network.values(rows[id(each)], {}))) > 0.8
    assert right(lambda each: each.signals @ weights) < 0.7


def test_probabilities_are_those_of_the_labels() -> None:
    random = np.random.default_rng(5)
    features = random.normal(size=(4000, 2))
    chance = 1 / (1 + np.exp(-(0.5 + 1.5 * features[:, 0])))
    bias, weights = fit_logistic(features, (random.random(4000) < chance).astype(float), 1e-5)
    assert bias == pytest.approx(0.5, abs=0.15)
    assert weights == pytest.approx([1.5, 0.0], abs=0.2)


def test_the_shipped_model_says_how_it_was_fitted_and_is_whole() -> None:
    row = json.loads(MODEL_FILE.read_text(encoding="utf-8"))
    assert {"command", "commit", "date", "machine", "questions", "cross-validated"} <= set(row["fitted"])
    assert set(row["weights"]) < set(SIGNALS)
    for calibration in shipped_model().calibrations.values():
        assert set(calibration.right.weights) == set(calibration.answerable.weights) <= set(FEATURES)
        assert 0 < calibration.threshold < 1


def test_every_repository_has_a_model_of_the_folds_without_it() -> None:
    folds = {repo: RankingModel.from_json(row) for repo, row in json.loads(FOLDS.read_text("utf-8")).items()}
    assert len(folds) == 14
    weights = {tuple(model.weights.values()) for model in folds.values()}
    assert len(weights) == 5 and tuple(shipped_model().weights.values()) not in weights


@pytest.mark.parametrize("name", ["fit", "missed"])
def test_without_data_it_is_skipped_and_says_so(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([name, "--data", "nowhere", "--corpora", "nowhere"]) == 0
    assert capsys.readouterr().out.startswith("skipped: ")


CODE = '''
def {verb}_{noun}({noun}, other):
    """{text}"""
    total = [{noun}, other]
    for each in total:
        print(each)
    return total
'''
WORDS = [
    ("moor", "ship", "Tie a vessel to the quay"),
    ("weigh", "anchor", "Lift it off the sea bed"),
    ("read", "tide", "Height of the water at noon"),
    ("plot", "course", "Draw a line on the chart"),
]


def test_each_repositorys_questions_are_judged_by_the_others(tmp_path: Path) -> None:
    from training.ranking.validation import validated

    asked = {}
    for number, repo in enumerate(("north", "south", "east")):
        for verb, noun, text in WORDS:
            write(tmp_path, f"{repo}/{noun}.py", CODE.format(verb=verb, noun=f"{noun}{number}", text=text))
        answers = [
            {
                "query": text,
                "answers": [{"path": f"{noun}.py", "start_line": 2, "end_line": 7}],
                "repo": repo,
            }
            for _, noun, text in WORDS
        ]
        files = [{"query": text, "relevant": [f"{noun}.py"], "secondary": []} for _, noun, text in WORDS]
        nothing = [{"query": "settle the invoice of a customer for water"}]
        similar = [
            {
                "source": {"path": "ship.py", "start_line": 2, "end_line": 7},
                "answers": [{"path": "tide.py", "start_line": 2, "end_line": 7}],
            }
        ]
        asked[repo] = {"queries": files, "text2fn": answers, "nothing": nothing, "fn2fn": similar}
    bench = Bench(tmp_path, Settings(), opening=lambda space: HashingEncoder())
    fit = validated(bench, asked)
    figures = fit.figures()["both"]
    assert fit.counts() == {"queries": 12, "text2fn": 12, "nothing": 3}
    assert figures["MRR by function"] > 0.6 and 0 <= figures["AUROC of answerable"] <= 1
    assert set(fit.folds()) == set(asked)
    assert RankingModel.from_json(fit.model()).weights == pytest.approx(fit.whole.weights, abs=1e-4)
    assert sum(number for _, _, number in fit.reliability(3)) == 27


def test_a_calibration_is_fitted_on_rankings_that_saw_neither_repository(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from training.ranking import validation

    repos = ("north", "south", "east")
    judged = lambda case, left_out: SimpleNamespace(case=case, ranked=[], left_out=left_out)  # noqa: E731
    monkeypatch.setattr(validation, "_judged", judged)
    monkeypatch.setattr(validation, "_calibrated", lambda mode, judged: list(judged))
    found = [SimpleNamespace(repo=repo) for repo in repos for _ in range(2)]
    mode = validation._fit_of_mode("both", found, lambda left_out: left_out)
    assert [one.left_out for one in mode.judged] == [{one.case.repo} for one in mode.judged]
    assert set(mode.held_out) == set(repos)
    for repo, others in mode.held_out.items():
        assert [one.left_out for one in others] == [{repo, one.case.repo} for one in others]
        assert [one.case.repo for one in others] == [one.repo for one in found if one.repo != repo]
