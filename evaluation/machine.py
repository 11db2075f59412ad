"""The kind of machine and the versions a measurement was taken with; no names of hosts, users or folders."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = ("codesift", "numpy", "openvino", "hnswlib", "tokenizers", "tree-sitter", "typer", "rich")
PEERS = ("torch", "sentence-transformers", "transformers")
_FLAGS = (
    "avx2",
    "avx512f",
    "avx512_vnni",
    "avx512_bf16",
    "amx_tile",
    "amx_int8",
    "amx_bf16",
    "asimd",
    "sve",
    "i8mm",
)


def describe_machine() -> dict[str, Any]:
    """The machine, the versions and the moment, ready for JSON."""
    return {
        "cpu": _cpu_model(),
        "cores": _cores(),
        "instructions": _instructions(),
        "memory_gib": _memory_gib(),
        "system": f"{platform.system()} {'.'.join(platform.release().split('.')[:2])}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "packages": {name: found for name in (*PACKAGES, *PEERS) if (found := _version(name))},
        "commit": commit() or "unknown",
        "date": datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "load": load_average(),
    }


def machine_summary() -> str:
    """`2 cores, AMD EPYC, Linux`: the machine's kind, without its name."""
    return f"{_cores()} cores, {_cpu_model()}, {platform.system()}"


def commit() -> str:
    """The commit of the checkout, with a plus sign if tracked files differ from it; empty outside of one."""
    head = _git("rev-parse", "--short", "HEAD")
    return head + ("+" if head and _git("status", "--porcelain", "--untracked-files=no") else "")


def load_average() -> float | None:
    """Processes that want to run, mean of the last minute; above the number of cores, times are too long."""
    return round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None


def machine_in_words(machine: dict[str, Any]) -> str:
    """`describe_machine` as two lines of Markdown."""
    packages = ", ".join(f"{name} {found}" for name, found in machine["packages"].items())
    memory = f", {machine['memory_gib']} GiB" if machine["memory_gib"] else ""
    instructions = ", ".join(machine["instructions"]) or "no vector units known"
    return (
        f"{machine['cpu']}, {machine['cores']} cores ({instructions}){memory}, "
        f"{machine['system']}, {machine['python']}; load {machine['load']} at the start\n\n"
        f"{packages}; commit {machine['commit']}, {machine['date']}\n"
    )


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _cpu_info() -> str:
    path = Path("/proc/cpuinfo")
    return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""


def _cpu_model() -> str:
    found = re.search(r"^model name\s*:\s*(.+)$", _cpu_info(), re.MULTILINE)
    return found[1].strip() if found else platform.processor() or platform.machine()


def _instructions() -> list[str]:
    found = re.search(r"^(?:flags|Features)\s*:\s*(.+)$", _cpu_info(), re.MULTILINE)
    known = set(found[1].split()) if found else set()
    return [flag for flag in _FLAGS if flag in known]


def _memory_gib() -> int | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30)
    except (AttributeError, OSError, ValueError):
        return None


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _git(*arguments: str) -> str:
    command = ["git", "-C", str(Path(__file__).parent), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
