"""The cards of exported adapters: from which code, how trained, and what they gain and lose."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codesift.models.adapters import TEXT, Adapter, Adapters
from evaluation.files import read_json
from evaluation.markdown import markdown_table
from evaluation.records import LANGUAGES
from training.sources.package_lists import CORPORA

if TYPE_CHECKING:
    from training.shipping.agreement import Agreement

HEADLINE = "packages"
"""The task whose figures stand in the manifest."""
METRICS = ("MRR", "NDCG@10")
_PRIVATE = ("work", "eval", "results", "verb", "quiet")
"""Options that say where files lie, and nothing of the result."""


@dataclass(frozen=True)
class TrainingRecord:
    """What is known of an adapter's training."""

    run: str = ""
    factor: float = 1.0
    settings: Mapping[str, Any] = field(default_factory=dict)
    result: Mapping[str, Any] = field(default_factory=dict)
    packages: tuple[Mapping[str, str], ...] = ()

    @classmethod
    def of(cls, adapter: Adapter, work: Path) -> TrainingRecord:
        """Follow the name of the run in the adapter's file to what the run left in the work folder."""
        described = _metadata(Path(adapter.path))
        folder = work / "runs" / str(described.get("run") or "-")
        settings, result = (_optional(folder / name) for name in ("settings.json", "result.json"))
        listed = str(settings.get("options", {}).get("languages") or adapter.language)
        languages = [name for name in listed.split(",") if name in LANGUAGES] or list(LANGUAGES)
        rows = [row for name in languages for row in _optional(CORPORA / f"{name}.json").get("packages", [])]
        return cls(described.get("run", ""), described.get("factor", 1.0), settings, result, tuple(rows))


def _metadata(path: Path) -> dict[str, Any]:
    from safetensors import safe_open

    with safe_open(path, "np") as file:
        return dict(json.loads((file.metadata() or {}).get("codesift", "{}")))


def _optional(path: Path) -> dict[str, Any]:
    return dict(read_json(path)) if path.is_file() else {}


# -- figures --------------------------------------------------------------------------------------


def figures_of(results: Mapping[str, Any], system: str, language: str) -> dict[str, Any]:
    """What the manifest says an adapter gains on packages it has not seen; empty if it was not measured."""
    task = results["tasks"].get(HEADLINE, {})
    row = task.get("groups", {}).get(language) if language in LANGUAGES else task.get("macro")
    if not row or system not in row["systems"]:
        return {}
    base, adapter = (round(row["systems"][name]["MRR"].value, 3) for name in ("base", system))
    return {"metric": "MRR", "base": base, "adapter": adapter}


def _rows(results: Mapping[str, Any], system: str, language: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Label and figures of all that was measured of a language; for other adapters the means of each task."""
    for name, task in results["tasks"].items():
        groups = task["groups"] if language in LANGUAGES else {"mean": task["macro"]}
        for group, row in groups.items():
            words = group.replace("-", " ").replace(">", " ").split()
            if (language not in LANGUAGES or language in words) and system in row["systems"]:
                yield (name if group == language else f"{name}, {group}"), row


def _figure_table(results: Mapping[str, Any], system: str, language: str) -> Iterator[tuple[str, ...]]:
    for label, row in _rows(results, system, language):
        for metric in METRICS:
            cells = (_number(row["systems"].get(name), metric) for name in ("bm25", "base", system))
            yield (f"{label}: {metric}", *cells, _gain(row, system, metric), str(row["queries"]))


def _number(figures: Mapping[str, Any] | None, metric: str) -> str:
    return f"{figures[metric].value:.3f}" if figures and metric in figures else "-"


def _gain(row: Mapping[str, Any], system: str, metric: str) -> str:
    gain = row.get("gains", {}).get(system, {}).get(metric)
    return f"{gain.value:+.3f} ({gain.low:+.3f} to {gain.high:+.3f})" if gain else "-"


def worse_figures(results: Mapping[str, Any], system: str, language: str) -> list[str]:
    """What is worse than with the bare base."""
    return [
        f"{label}: {metric} {_gain(row, system, metric)}"
        for label, row in _rows(results, system, language)
        for metric in METRICS
        if metric in row["systems"][system]
        and row["systems"][system][metric].value < row["systems"]["base"][metric].value
    ]


# -- text -----------------------------------------------------------------------------------------


def card(
    adapter: Adapter,
    sources: TrainingRecord,
    results: Mapping[str, Any],
    system: str,
    agreement: Agreement | None,
) -> str:
    """The card of one adapter, as Markdown."""
    parts = [f"# {adapter.name}", f"{_about(adapter)} Licence: Apache-2.0.", "## Training"]
    parts += [_bullets(_training(sources)), "## Data", _bullets(_data(sources)), "## Figures"]
    rows = list(_figure_table(results, system, adapter.language))
    headings = ("", "BM25", "base", "adapter", "gain (95% interval)", "queries")
    parts += [markdown_table(headings, rows, len(headings)) if rows else "Not measured."]
    if rows:
        worse = worse_figures(results, system, adapter.language)
        parts += ["What got worse:", _bullets(worse) if worse else "- nothing that was measured"]
    if agreement:
        parts += [
            f"The tool's engine and torch in float32 agree on {agreement.units} mined texts: mean cosine "
            f"{agreement.mean:.5f}, lowest {agreement.lowest:.5f}."
        ]
    return "\n\n".join(parts) + "\n"


def _about(adapter: Adapter) -> str:
    kinds = {TEXT: "queries and prose", "": "code in languages without an adapter of their own"}
    what = kinds.get(adapter.language, f"code in {adapter.language}")
    return f"A LoRA adapter of rank {adapter.rank} that encodes {what}."


def _training(sources: TrainingRecord) -> Iterator[str]:
    if not sources.run:
        yield "not recorded"
        return
    yield f"run `{sources.run}`, its change times {sources.factor:g}"
    chosen = sources.settings.get("options", {})
    shown = {key: value for key, value in chosen.items() if key not in _PRIVATE and value not in (None, "")}
    yield "options: " + ", ".join(
        f"{key} {value}" for key, value in sorted(shown.items()) if _is_public(value)
    )
    yield from (
        f"{key}: {sources.settings[key]}" for key in ("commit", "date", "machine") if sources.settings
    )
    known = ("pairs", "steps", "seconds", "trainable", "share")
    yield from (f"{key}: {sources.result[key]:,}" for key in known if key in sources.result)


def _is_public(value: object) -> bool:
    """Whether an option's value is no place on the machine it ran on."""
    return not (isinstance(value, str) and value.startswith(("/", ".", "~")))


def _data(sources: TrainingRecord) -> Iterator[str]:
    registries = Counter(row["registry"] for row in sources.packages)
    licences = Counter(row.get("license") or "unknown" for row in sources.packages)
    yield f"{len(sources.packages)} packages, listed with their versions in `training/corpora`"
    yield "registries: " + ", ".join(f"{name} {count}" for name, count in registries.most_common())
    yield "licences: " + ", ".join(f"{name} {count}" for name, count in licences.most_common())


def folder_card(system: Adapters, entries: Mapping[str, Any], results: Mapping[str, Any], name: str) -> str:
    """The card of all adapters together."""
    rows = []
    for language, adapter in system.named().items():
        figures = entries[language].get("figures", {})
        gain = [f"{figures[key]:.3f}" if figures else "-" for key in ("base", "adapter")]
        file = entries[language]["file"].removesuffix(".safetensors")
        rows.append(
            (
                f"[{file}]({file}.md)",
                str(adapter.rank),
                *gain,
                str(len(worse_figures(results, name, language))),
            )
        )
    headings = ("adapter", "rank", "base", "with adapter", "figures that got worse")
    return (
        "\n\n".join(
            (
                f"# Adapters for {system.base}",
                "They work together in one vector space: queries and prose are encoded with `text`, code of "
                "each language with its own, any other with `combined`; what is missing is the bare base.",
                markdown_table(headings, rows, len(headings)),
                "Figures are the mean reciprocal rank of a function found by its documentation in a package "
                "no adapter was trained on. Licence: Apache-2.0. Made by `python -m training export`, which "
                "checks that the tool's engine and torch give the same vectors.",
            )
        )
        + "\n"
    )


def _bullets(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)
