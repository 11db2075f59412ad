"""Records of functions as `mine` writes them."""

from __future__ import annotations

from dataclasses import replace

from evaluation.records import Function, Span

_LOCK = """def open_gate(lock):
    # wait until the water is level
    lock.level()
    if lock.stuck:
        raise ValueError("the gate of the lock is stuck")
    return lock.gate.open()
"""


def lock_function(name: str = "open_gate", package: str = "harbour-1.0", **changes: object) -> Function:
    """A function with texts of every kind."""
    start = _LOCK.index("# wait")
    comment = Span(start, _LOCK.index("\n", start), "wait until the water is level")
    start = _LOCK.index('"the gate')
    message = Span(start, _LOCK.index(")", start), "the gate of the lock is stuck")
    made = Function(
        repo="harbour",
        package=package,
        path="harbour/locks.py",
        func_name=name,
        language="python",
        partition="train",
        kind="function",
        name=name,
        signature=f"def {name}(lock):",
        original_string=_LOCK,
        code=_LOCK.replace("open_gate", name),
        documentation="Let a ship through. It must be moored.",
        docstring="Let a ship through.",
        sha=f"{package} {name}",
        start_line=1,
        comments=(comment,),
        messages=(message,),
        tests=("gate opens only when level",),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def tide_function(name: str, docstring: str, package: str = "tides-1.0", code: str = "") -> Function:
    """A small function of the test partition."""
    code = code or f"def {name}(values):\n    return sorted(values)[{len(name)}]"
    return Function(
        repo=package.partition("-")[0],
        package=package,
        path="tides/station.py",
        func_name=name,
        language="python",
        partition="test",
        kind="function",
        name=name,
        signature=f"def {name}(values)",
        original_string=code,
        code=code,
        documentation=docstring,
        docstring=docstring,
        sha="0" * 16,
        start_line=len(name),
    )
