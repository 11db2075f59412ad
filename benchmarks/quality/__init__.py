"""Quality of answers on real repositories, beside other tools: `python -m benchmarks quality`."""

from benchmarks.quality.command import main
from evaluation.repositories.bench import SYSTEMS, Bench, Outcome, outcomes
from evaluation.repositories.matching import by_file, by_function, first_rank, matches, unique
from evaluation.repositories.questions import FILE, FUNCTION, SIMILAR, questions

__all__ = [
    "FILE",
    "FUNCTION",
    "SIMILAR",
    "SYSTEMS",
    "Bench",
    "Outcome",
    "by_file",
    "by_function",
    "first_rank",
    "main",
    "matches",
    "outcomes",
    "questions",
    "unique",
]
