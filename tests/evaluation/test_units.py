"""Units of files and folders, without an index."""

from __future__ import annotations

from pathlib import Path

from fakes import write

from codesift.config import Settings
from codesift.types import SourceFile
from evaluation.corpora import count_units
from evaluation.units import units_in_folder, units_of_file


def test_a_folder_gives_the_units_of_the_files_that_are_indexed(tmp_path: Path) -> None:
    write(tmp_path, "tide.py", "def rise(level):\n    return level + 1\n\n\ndef fall(level):\n    return 0\n")
    write(tmp_path, "node_modules/moor.py", "def moor(ship):\n    return ship\n")
    found = {file.path: [unit.name for unit in units] for file, units in units_in_folder(tmp_path)}
    assert found == {"tide.py": ["rise", "fall"]}
    assert count_units(tmp_path) == (1, 2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["node_modules", "tide.py"]


def test_a_file_that_is_no_text_has_no_units(tmp_path: Path) -> None:
    path = tmp_path / "tide.py"
    path.write_bytes(b"def rise(level):\0\n" * 9)
    status = path.stat()
    file = SourceFile("tide.py", str(path), "python", status.st_size, status.st_mtime_ns, status.st_ctime_ns)
    assert units_of_file(file, Settings()) == []
