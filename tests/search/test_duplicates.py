"""Clusters of near-duplicates, on an index whose vectors come from words."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from fakes import HashingEncoder, opened, run_index, write

from codesift.config import Settings
from codesift.errors import UsageError
from codesift.index.opening import Index
from codesift.search import duplicates as module
from codesift.search.duplicates import duplicates, near_pairs
from codesift.search.filters import Filter
from codesift.types import Duplicates

LOAD = '''def load_orders(path):
    """Orders of a day."""
    with open(path) as file:
        rows = csv.reader(file)
        header = next(rows)
        orders = [dict(zip(header, row)) for row in rows if row]
    if not orders:
        raise ValueError("no orders in " + path)
    return orders
'''
FILES = {
    "shop/orders.py": LOAD,
    # Another name, another variable, another docstring.
    "shop/invoices.py": LOAD.replace("load_orders", "load_invoices").replace("Orders of", "Invoices for"),
    "tests/helpers.py": "class Helper:\n"
    + LOAD.replace("\n", "\n    ").replace("def", "    def", 1).rstrip()
    + "\n",
    # The same words about another thing.
    "shop/report.py": """def orders_of_a_day(rows, path):
    for row in rows:
        if header(row) == path:
            file(row)
    return [open(order) for order in orders(path, rows) if not dict(order)]
""",
    # One inside the other.
    "shop/nested.py": """def outer(connection, table):
    def inner(connection, table):
        cursor = connection.cursor()
        cursor.execute("select * from " + table)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row)) for row in cursor.fetchall()]
    return inner(connection, table)
""",
    "shop/small.py": "\n".join(
        f"class A{n}:\n    def name(self):\n        return self._name\n" for n in range(4)
    ),
    "shop/typed.pyi": "\n".join(
        f"@overload\ndef get(\n    key: {kind}, default: {kind} = 0, parse: Parser[{kind}] = None,\n"
        f"    seen: dict[str, {kind}] = {{}},\n) -> {kind}:\n    ...\n"
        for kind in ("int", "float", "bytes")
    ),
}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("shop")
    for path, text in FILES.items():
        write(root, path, text)
    run_index(root, HashingEncoder())
    return root


@pytest.fixture
def index(root: Path) -> Iterator[Index]:
    with opened(root) as index:
        yield index


def find(index: Index, min_cosine: float = 0.7, limit: int = 10, **only: object) -> Duplicates:
    return duplicates(index, Settings(), min_cosine, Filter(**only), limit)  # type: ignore[arg-type]


def names(found: Duplicates) -> list[set[str]]:
    return [{hit.qualified_name for hit in cluster.hits} for cluster in found.clusters]


def test_copies_with_other_names_are_one_cluster_and_nothing_else_is(index: Index) -> None:
    found = find(index)
    assert names(found) == [{"load_orders", "load_invoices", "Helper.load_orders"}]
    assert (found.total, found.units, found.vectors_ready) == (1, *[index.catalog.counts()[1]] * 2)


def test_all_are_compared_with_the_first_and_the_lines_to_save_are_counted(index: Index) -> None:
    (cluster,) = find(index).clusters
    first, *others = cluster.hits
    assert (first.score, first.common_tokens) == (1, 1)
    assert all(0.7 <= hit.score <= 1.001 and 0.75 <= (hit.common_tokens or 0) <= 1 for hit in others)
    assert [hit.common_tokens for hit in others] == sorted(
        (hit.common_tokens for hit in others), reverse=True
    )
    assert cluster.saved_lines() == 18


def test_what_shares_the_vocabulary_alone_is_near_but_no_duplicate(index: Index) -> None:
    near = find(index, min_cosine=0.3, kinds=("function",))
    assert not any("orders_of_a_day" in each for each in names(near))


def test_a_unit_inside_another_is_no_copy_of_it(index: Index) -> None:
    assert not any({"outer", "outer.inner"} & each for each in names(find(index, min_cosine=0.1)))


def test_small_units_and_declarations_are_left_out(index: Index) -> None:
    found = names(find(index, min_cosine=0.1))
    assert found and not any({"get", "A1.name"} & each for each in found)


def test_filters_limit_what_is_compared(index: Index) -> None:
    assert names(find(index, tests=False)) == [{"load_orders", "load_invoices"}]
    assert not find(index, paths=("shop/orders.py",)).clusters
    assert not find(index, languages=("go",)).clusters
    assert not find(index, kinds=("class",)).clusters


def test_a_higher_least_cosine_finds_fewer(index: Index) -> None:
    assert not find(index, min_cosine=1.0).clusters


def test_a_file_that_vanished_is_left_out(tmp_path: Path) -> None:
    for path in ("shop/orders.py", "shop/invoices.py"):
        write(tmp_path, path, FILES[path])
    run_index(tmp_path, HashingEncoder())
    (tmp_path / "shop/orders.py").unlink()
    with opened(tmp_path) as index:
        assert not find(index).clusters


def test_units_without_vectors_are_compared_by_their_drafts_and_counted(tmp_path: Path) -> None:
    for path in ("shop/orders.py", "shop/invoices.py"):
        write(tmp_path, path, FILES[path])
    run_index(tmp_path, HashingEncoder())
    with opened(tmp_path) as index:
        index.database.run("DELETE FROM windows WHERE unit_id = (SELECT min(unit_id) FROM windows)")
        found = find(index)
        assert len(found.clusters) == 1 and found.vectors_ready == found.units - 1
        index.database.run("DELETE FROM windows")
        assert len(find(index).clusters) == 1
        index.database.run("DELETE FROM drafts")
        assert not find(index).clusters


def test_a_chain_of_small_steps_is_not_one_cluster(tmp_path: Path) -> None:
    """Each function has 3 of 20 lines of its neighbor replaced; the ends have hardly a line in common."""
    lines = [f"    step_{number} = run_{number}(value, {number})" for number in range(60)]
    for step in range(10):
        body = "\n".join(lines[3 * step : 3 * step + 20])
        write(tmp_path, f"chain/s{step}.py", f"def chain_{step}(value):\n{body}\n")
    run_index(tmp_path, HashingEncoder(lines=30))
    with opened(tmp_path) as index:
        clusters = find(index, min_cosine=0.5).clusters
        assert clusters and max(len(cluster.hits) for cluster in clusters) <= 3
        members = [hit.unit_id for cluster in clusters for hit in cluster.hits]
        assert len(members) == len(set(members))


def test_clusters_with_most_lines_to_save_come_first_and_are_limited(tmp_path: Path) -> None:
    for count in (20, 30, 40):
        body = "\n".join(f"    v{count}_{n} = f{count}(v{count}_{n - 1})" for n in range(1, count))
        for copy in range(2):
            write(tmp_path, f"a{count}_{copy}.py", f"def work{count}(v{count}_0):\n{body}\n")
    run_index(tmp_path, HashingEncoder(lines=60))
    with opened(tmp_path) as index:
        found = find(index, limit=2)
    assert [cluster.saved_lines() for cluster in found.clusters] == [40, 30] and found.total == 3


def test_the_mean_of_its_windows_stands_for_a_long_unit(tmp_path: Path) -> None:
    body = "\n".join(f"    value_{n} = work_{n}(value_{n - 1})" for n in range(1, 40))
    write(tmp_path, "long.py", f"def long(value_0):\n{body}\n")
    run_index(tmp_path, HashingEncoder())
    with opened(tmp_path) as index:
        (unit_id,) = (hit.unit_id for hit in index.catalog.units_of("long.py") if hit.kind == "function")
        windows = index.primary.vectors.of_unit(unit_id)
        mean = np.mean(windows, axis=0)
        functions = index.catalog.select(None, ("function",))
        ids, means = index.primary.vectors.means(functions)
        one = index.primary.vectors.mean_of_unit(unit_id)
    assert len(windows) > 2 and ids.tolist() == [unit_id]
    np.testing.assert_allclose(means[0], mean / np.linalg.norm(mean), atol=1e-5)
    np.testing.assert_allclose(one, means[0], atol=1e-6)


def test_means_are_the_same_however_the_rows_are_cut(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    ids, means = index.primary.vectors.means()
    monkeypatch.setattr("codesift.index.vectors._ROWS_AT_ONCE", 1)
    others, cut = index.primary.vectors.means()
    assert ids.tolist() == others.tolist()
    np.testing.assert_allclose(means, cut, atol=1e-6)


@pytest.mark.parametrize("block", [2, 7, 100])
def test_pairs_are_those_of_the_whole_product(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BLOCK_ROWS", block)
    vectors = np.random.default_rng(0).normal(size=(23, 4)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    rows, columns, cosines = near_pairs(vectors, 0.5)
    whole = vectors @ vectors.T
    expected = {(i, j) for i in range(23) for j in range(i + 1, 23) if whole[i, j] >= 0.5}
    assert {*zip(rows.tolist(), columns.tolist(), strict=True)} == expected and len(rows) == len(expected)
    np.testing.assert_allclose(cosines, whole[rows, columns], atol=1e-6)


def test_too_many_pairs_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MAX_PAIRS", 10)
    with pytest.raises(UsageError, match="--min"):
        near_pairs(np.ones((10, 1), np.float32), 0.5)
