"""What a command never loads, seen in a fresh interpreter: the reason why it answers at once."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from installed import HARBOUR

PROGRAM = """
import sys
from codesift.__main__ import main
sys.argv[0] = "codesift"
try:
    main()
finally:
    loaded = {name.partition(".")[0] for name in sys.modules}
    sys.stderr.write("\\nLOADED " + " ".join(sorted(loaded)))
"""
TRAINING = {"torch", "transformers", "peft", "sentence_transformers", "onnxruntime", "scipy"}


def loaded(folder: Path, *arguments: str, code: int = 0) -> set[str]:
    """Top-level modules of a process that ran the command with its output in a pipe, and left with `code`."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments], cwd=folder, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == code, done.stderr
    return set(done.stderr.rpartition("LOADED ")[2].split())


def test_importing_the_package_loads_nothing_heavy(tmp_path: Path) -> None:
    code = "import codesift, codesift.terminal.app, codesift.session, sys; codesift.open; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert not {"numpy", "torch", "openvino", "hnswlib", "tokenizers"} & set(done.stdout.split())


def test_version_loads_no_numpy(tmp_path: Path) -> None:
    assert not loaded(tmp_path, "--version") & {*TRAINING, "numpy", "openvino", "tokenizers", "rich"}


@pytest.mark.parametrize("verb", [[], ["index"], ["query"], ["similar"], ["status"], ["models"], ["clean"]])
def test_help_loads_no_numpy(tmp_path: Path, verb: list[str]) -> None:
    heavy = {*TRAINING, "numpy", "openvino", "tokenizers", "sqlite3", "hnswlib", "tree_sitter"}
    assert not loaded(tmp_path, *verb, "--help") & heavy


@pytest.mark.parametrize(
    ("arguments", "more"),
    [
        (["query", "tide"], set()),
        (["query", "tide", "--json"], set()),
        (["query", "tide", "--device", "cuda"], set()),
        (["query", "tide", "--lexical"], {"numpy", "tokenizers", "hnswlib"}),
        (["query", "tide", "--files"], set()),
        (["similar", "berths/tides.py:interpolate_height"], {"tokenizers", "safetensors", "tree_sitter"}),
        (["status"], {"tokenizers", "safetensors", "hnswlib", "numpy"}),
        (["models"], {"tokenizers", "safetensors", "hnswlib", "numpy"}),
        (["index"], {"tokenizers", "safetensors"}),
    ],
)
def test_nothing_to_embed_loads_no_engine_and_a_pipe_no_rich(
    harbour: Path, arguments: list[str], more: set[str]
) -> None:
    assert not loaded(harbour, *arguments) & {*TRAINING, *more, "openvino", "rich"}


def test_a_report_of_duplicates_loads_no_model(harbour: Path) -> None:
    modules = loaded(harbour, "similar", "--all", code=1)
    heavy = {*TRAINING, "openvino", "rich", "tokenizers", "safetensors", "tree_sitter", "hnswlib"}
    assert "numpy" in modules and not modules & heavy


def test_even_an_index_built_from_nothing_loads_no_torch(tmp_path: Path) -> None:
    # With no other index whose vectors could be used.
    shutil.copy(HARBOUR / "berths" / "tides.py", tmp_path)
    modules = loaded(tmp_path, "index")
    assert "openvino" in modules and not modules & {*TRAINING, "rich"}
