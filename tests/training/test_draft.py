"""`training draft`: windows are drawn and encoded once, and a table is fitted to their vectors."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from mined_functions import lock_function
from scipy.sparse import csr_matrix
from tokenizers import Tokenizer

from codesift.models.bases import BUNDLED, DEFAULT
from evaluation.files import write_rows
from training.__main__ import main
from training.drafts.contrast import Pairs, Recipe, train
from training.drafts.fitting import cosines, features, ridge
from training.mining.commits import Change

RNG = np.random.default_rng(5)


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    found = Tokenizer.from_file(str(BUNDLED / DEFAULT / "tokenizer.json"))
    found.no_padding()
    found.no_truncation()
    return found


def test_a_text_counts_the_pieces_of_its_words_scaled_to_length_1(tokenizer: Tokenizer) -> None:
    rows = features(["close close socket", "", "socket"], tokenizer)
    close, socket = (tokenizer.encode(word, add_special_tokens=False).ids[0] for word in ("close", "socket"))
    assert rows[0, close] == pytest.approx((2 / 3) ** 0.5) and rows[0, socket] == pytest.approx(
        (1 / 3) ** 0.5
    )
    assert rows[1].nnz == 0 and rows[2, socket] == 1


def test_the_regression_is_that_of_the_normal_equations() -> None:
    inputs, outputs = RNG.random((40, 12)).astype(np.float32), RNG.random((40, 3)).astype(np.float32)
    expected = np.linalg.solve(inputs.T @ inputs + 0.5 * np.eye(12), inputs.T @ outputs)
    assert ridge(csr_matrix(inputs), outputs, 0.5, 60) == pytest.approx(expected, abs=1e-3)


def test_training_on_pairs_brings_questions_nearer_to_their_code() -> None:
    code = csr_matrix((RNG.random((60, 50)) < 0.1).astype(np.float32) + 0.01)
    queries = RNG.standard_normal((60, 8)).astype(np.float32)
    queries /= np.linalg.norm(queries, axis=1, keepdims=True)
    table = RNG.standard_normal((50, 8)).astype(np.float32)
    others = csr_matrix((RNG.random((30, 50)) < 0.1).astype(np.float32) + 0.01)
    beside = np.minimum(np.arange(61), 30)  # One beside each of the first thirty.
    packages, functions = ["a"] * 30 + ["b"] * 30, [str(row) for row in range(60)]
    pairs = Pairs(queries, code, packages, functions, others, beside)
    recipe = Recipe(steps=60, batch=30, together=15, keep=0.0, learning_rate=0.05)
    trained, shift = train(table, pairs, code, queries, recipe)
    moved = queries + queries @ shift.T
    moved /= np.linalg.norm(moved, axis=1, keepdims=True)
    before, after = cosines(code @ table, queries).mean(), cosines(code @ trained, moved).mean()
    assert after > before + 0.2
    assert after > cosines(others @ trained, moved[:30]).mean() + 0.2


@pytest.mark.slow
def test_the_verb_draws_encodes_fits_and_writes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    packages = tmp_path / "packages" / "python"
    for name in ("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta"):
        folder = packages / f"{name}-1.0"
        folder.mkdir(parents=True)
        code = "".join(f"def {name}_{n}(value):\n    return value + {n}\n\n\n" for n in range(4))
        (folder / "main.py").write_text(code)
        folder.with_name(f"{name}-1.0.json").write_text(json.dumps({"name": name, "version": "1.0"}))
    mined = [lock_function(f"open_{n}", f"harbour-{n % 4}") for n in range(40)]
    write_rows(tmp_path / "mined" / "python.jsonl.gz", (function.to_json() for function in mined))
    changes = [
        Change(
            "owner+gates", "python", f"Open gate {n} only when level", f"gates.py open_{n}", [text, "other"]
        )
        for n, text in enumerate(["def open_gate(lock):\n    return lock.gate.open()"] * 3)
    ]
    write_rows(tmp_path / "commits" / "owner+gates.jsonl.gz", map(asdict, changes))
    command = ["draft", "--work", str(tmp_path), "--languages", "python", "--jobs", "1", "--steps", "2"]
    assert main([*command, "--to", str(tmp_path / "drafts")]) == 0
    assert "1 of 1 chunks" in capsys.readouterr().out
    manifest = json.loads((tmp_path / "drafts" / DEFAULT / "draft.json").read_text())
    files = [manifest[name]["file"] for name in ("pieces", "questions")]
    assert sum((tmp_path / "drafts" / DEFAULT / file).stat().st_size for file in files) < 12_000_000
    assert manifest["data"]["windows"] + manifest["held out"]["windows"] == 32
    assert manifest["held out"]["projects"] + manifest["data"]["projects"] == 8
    assert manifest["data"]["pairs"] > 100
    assert main([*command, "--to", str(tmp_path / "again")]) == 0
    assert "chunks" not in capsys.readouterr().out
    for file in files:
        first, second = (tmp_path / name / DEFAULT / file for name in ("drafts", "again"))
        assert first.read_bytes() == second.read_bytes()
