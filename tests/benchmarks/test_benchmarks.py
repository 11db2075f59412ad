"""The benchmarks' own arithmetic and bookkeeping; nothing here uses the network."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.__main__ import BENCHMARKS, main
from benchmarks.ann import exact_nearest, gather, recall
from benchmarks.ann import main as ann
from benchmarks.figures import Figure, Target, as_content, as_table, rounded
from benchmarks.indexes import functions, index_folder
from benchmarks.processes import Failed, in_turn, median, percentile, run
from benchmarks.speed import PARTS, _edits, _without_folders
from benchmarks.throughput import as_indexing_does, evenly
from evaluation.machine import describe_machine

# -- the entry point ------------------------------------------------------------------------------


def test_help_names_every_benchmark(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    shown_help = capsys.readouterr().out
    assert all(name in shown_help for name in BENCHMARKS)


def test_an_unknown_benchmark_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sped"]) == 2
    assert "usage" in capsys.readouterr().err


def test_an_unknown_part_of_speed_is_named_with_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["speed", "--only", "query,indx"])
    said = capsys.readouterr().err
    assert "'indx'" in said
    assert all(part in said for part in PARTS)


def test_folders_of_this_machine_are_left_out_of_the_published_command() -> None:
    arguments = ["--only", "query", "--to", "/somewhere/private", "--out=/else/x.json", "--runs", "3"]
    assert _without_folders(arguments) == ["--only", "query", "--runs", "3"]


# -- figures --------------------------------------------------------------------------------------


def test_a_target_may_be_about_the_figure_or_about_its_ratio() -> None:
    slow = Figure("query", "cold", 0.7, "s", (), "numpy", 0.1, Target(0.6))
    assert slow.met is False
    fast = Figure(
        "encode", "rate", 200.0, "units/s", (), "peer", 40.0, Target(4, at_least=True, of_ratio=True)
    )
    assert (fast.ratio, fast.met) == (5.0, True)


def test_a_ratio_without_its_peer_is_neither_met_nor_missed() -> None:
    figure = Figure("encode", "rate", 200.0, "units/s", target=Target(4, at_least=True, of_ratio=True))
    assert figure.met is None
    assert "not known" in as_table([figure], describe_machine(), "command")


def test_the_json_has_samples_ratios_verdicts_and_the_machine() -> None:
    figure = Figure("similar", "p50", 0.3, "s", (0.2, 0.3, 0.4), "numpy", 0.1, Target(0.35))
    found = json.loads(json.dumps(as_content([figure], describe_machine(), "speed --only similar")))
    assert found["command"] == "speed --only similar"
    row = found["figures"][0]
    assert (row["samples"], row["met"], round(row["ratio"], 6)) == ([0.2, 0.3, 0.4], True, 3)
    assert found["machine"]["cores"] >= 1


def test_numbers_are_shown_with_three_digits_that_count() -> None:
    assert [rounded(value) for value in (35082.4, 0.04567, 12.34)] == ["35,082", "0.0457", "12.3"]


def test_percentiles_fall_between_values() -> None:
    assert percentile([4, 1, 3, 2], 50) == median([1, 2, 3, 4]) == 2.5
    assert percentile([1, 2, 3], 100) == 3
    assert percentile([7], 95) == 7


# -- processes ------------------------------------------------------------------------------------


def test_a_process_is_measured_with_time_memory_and_output() -> None:
    work = "import time; x = bytearray(60_000_000); time.sleep(0.05); print('done')"
    # In a small process: a child's peak starts at that of its parent, and this one may hold torch.
    measure = "import sys; from benchmarks.processes import run; print(run(sys.argv[1:]))"
    command = [sys.executable, "-c", work]
    shown = subprocess.check_output([sys.executable, "-c", measure, *command], text=True)
    assert "output=b'done\\n'" in shown
    assert float(shown.split("seconds=")[1].split(",")[0]) > 0.05
    assert 60 < float(shown.split("peak_mb=")[1].split(",")[0]) < 300


def test_a_failing_command_is_not_measured() -> None:
    with pytest.raises(Failed, match="exit code 3"):
        run([sys.executable, "-c", "raise SystemExit(3)"])


def test_settings_of_the_user_do_not_reach_what_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CODESIFT_RESULTS", "3")
    assert b"CODESIFT" not in run([sys.executable, "-c", "import os; print(*os.environ)"]).output


def test_commands_take_turns_and_the_first_pair_is_dropped(tmp_path: Path) -> None:
    note = "import sys; open('log', 'a').write(sys.argv[1])"
    ours = [[sys.executable, "-c", note, name] for name in ("a", "b")]
    mine, theirs = in_turn(ours, [sys.executable, "-c", note, "-"], tmp_path)
    assert (tmp_path / "log").read_text() == "a-a-b-"
    assert len(mine) == len(theirs) == 2


def test_an_edited_file_is_restored_even_after_a_failure(tmp_path: Path) -> None:
    path = tmp_path / "a.js"
    path.write_bytes(b"let a\r\n")
    with pytest.raises(Failed), _edits(path) as edit:
        edit("one")
        edit("two")
        assert path.read_bytes() == b"let a\r\ntwo"
        raise Failed
    assert path.read_bytes() == b"let a\r\n"


# -- throughput, indexes, ann ---------------------------------------------------------------------


def test_a_sample_is_spread_evenly_and_never_repeats() -> None:
    assert evenly(range(10), 5) == [0, 2, 4, 6, 8]
    assert evenly([1, 2], 5) == [1, 2]


def test_texts_reach_the_encoder_all_of_them_longest_first_in_steps() -> None:
    class Listening:
        steps: list[list[str]] = []  # noqa: RUF012

        def encode(self, texts: list[str]) -> None:
            self.steps.append(list(texts))

    texts = ["x" * (i % 7) + str(i) for i in range(300)]
    as_indexing_does(Listening())(texts)  # type: ignore[arg-type]
    assert sorted(t for step in Listening.steps for t in step) == sorted(texts)
    assert [len(step) for step in Listening.steps] == [128, 128, 44]
    lengths = [len(text) for step in Listening.steps for text in step]
    assert lengths == sorted(lengths, reverse=True)


def test_functions_are_taken_from_all_over_an_index(tmp_path: Path) -> None:
    index_folder(tmp_path).mkdir(parents=True)
    with sqlite3.connect(index_folder(tmp_path) / "index.db") as database:
        database.execute("CREATE TABLE files (id, path)")
        database.execute("CREATE TABLE units (file_id, kind, start_line, end_line)")
        database.executemany("INSERT INTO files VALUES (?, ?)", [(1, "a.py"), (2, "b.py")])
        rows = [
            (file, kind, line, line + 9)
            for file in (1, 2)
            for line in (1, 11)
            for kind in ("function", "class")
        ]
        database.executemany("INSERT INTO units VALUES (?, ?, ?, ?)", rows)
    database.close()
    assert functions(tmp_path, 2) == [("a.py", 11), ("b.py", 11)]


def test_recall_is_the_share_of_true_neighbours_found() -> None:
    import numpy as np

    vectors = np.eye(20, 32, dtype=np.float32)
    query = np.linspace(1, 0, 32, dtype=np.float32)[None, :]
    truth = exact_nearest(vectors, query)
    assert sorted(truth[0].tolist()) == list(range(10))
    assert recall(truth, truth) == 1
    assert recall(np.array([[0, 1, 2, 3, 4, 15, 16, 17, 18, 19]]), truth) == 0.5


def test_ann_skips_where_nothing_is_indexed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")
    assert ann(["--to", str(tmp_path)]) == 0
    assert capsys.readouterr().out.startswith("skipped: 0 vectors")
    with pytest.raises(ValueError, match="benchmarks speed"):
        gather(tmp_path, 10)
