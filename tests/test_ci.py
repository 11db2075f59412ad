"""`.ci/run` runs and reports each of its steps, whatever becomes of the others; here with stand-ins."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent.parent / ".ci" / "run"
README = """\
<!-- first -->
```sh
.venv/bin/codesift query
```

<!-- tests -->
```sh
.venv/bin/pytest README
```
"""
STAND_IN = """\
#!/bin/sh
echo "$(basename "$0") $*"
for broken in $BROKEN; do case "$(basename "$0"):$*" in $broken*) status=1 ;; esac; done
test "$(basename "$0")" != pytest || echo "${status:-0} failed, 3 passed in 0.1s by $*"
exit "${status:-0}"
"""
PROGRAMS = ("pytest", "ruff", "mypy", "lint-imports", "codesift", "python")
STEPS = ("the test command", "the slow tests", "linters", "the first command")

Ci = Callable[..., "subprocess.CompletedProcess[str]"]

pytestmark = pytest.mark.skipif(not SCRIPT.is_file(), reason="a source distribution has no .ci")


@pytest.fixture
def ci(tmp_path: Path, git: Callable[..., None]) -> Ci:
    """Run the script in a repository whose environment has programs that only say how they were called."""

    def run(
        broken: str = "", readme: str = README, core_has_torch: bool = False
    ) -> subprocess.CompletedProcess[str]:
        root = tmp_path / "repository"
        (root / ".ci").mkdir(parents=True)
        shutil.copy(SCRIPT, root / ".ci" / "run")
        (root / "README.md").write_text(readme)
        for name in PROGRAMS:
            path = root / ".venv" / "bin" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(STAND_IN.replace("$*", "codesift/ $*", 1) if name == "codesift" else STAND_IN)
            path.chmod(0o755)
        git(root, "init", "-q")
        git(root, "add", "-A")
        git(root, "commit", "-qm", "stand-ins")
        broken += "" if core_has_torch else " python"
        env = {**os.environ, "BROKEN": broken, "TMPDIR": str(tmp_path)}
        return subprocess.run([root / ".ci" / "run"], env=env, capture_output=True, text=True, timeout=60)

    return run


def _summary(done: subprocess.CompletedProcess[str]) -> list[str]:
    """`passed` or `FAILED` of each step."""
    lines = done.stdout.partition("== summary\n")[2].split("\n\n")[0].splitlines()
    assert len(lines) == len(STEPS)
    assert all(step in line for step, line in zip(STEPS, lines, strict=True))
    return [line.split()[0] for line in lines]


@pytest.mark.parametrize(
    ("broken", "failed"),
    [
        ("", []),
        ("pytest:README", [0]),
        ("pytest:-q", [1]),
        ("ruff:check", [2]),
        ("mypy", [2]),
        ("codesift", [3]),
        ("pytest lint-imports", [0, 1, 2]),
        ("pytest ruff codesift", [0, 1, 2, 3]),
    ],
)
def test_every_step_is_run_and_reported(ci: Ci, broken: str, failed: list[int]) -> None:
    done = ci(broken)
    assert [number for number, said in enumerate(_summary(done)) if said == "FAILED"] == failed
    assert done.returncode == bool(failed), done.stdout + done.stderr
    run = done.stdout.splitlines()
    for command in ("pytest README", "pytest -q -W error -m slow", "ruff format --check .", "lint-imports "):
        assert command in run
    assert "codesift codesift/ query" in run
    assert run[-1].endswith("3 passed in 0.1s by README")


def test_a_command_that_readme_lacks_fails_its_step_alone(ci: Ci) -> None:
    done = ci(readme=README.replace("<!-- tests -->", ""))
    assert (_summary(done), done.returncode) == (["FAILED", "passed", "passed", "passed"], 1)


def test_torch_in_the_core_install_fails(ci: Ci) -> None:
    done = ci(core_has_torch=True)
    assert "the core install has torch" in done.stdout
    assert (_summary(done), done.returncode) == (["passed", "passed", "passed", "FAILED"], 1)


def test_nothing_is_left_behind(ci: Ci, tmp_path: Path) -> None:
    ci("pytest")
    assert [path.name for path in tmp_path.iterdir()] == ["repository"]
