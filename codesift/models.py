"""Base models, language adapters, and the vector space that a pair of them spans."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codesift import hub
from codesift.errors import ModelError
from codesift.manifest import NAME
from codesift.manifest import NO_ADAPTERS as NO_ADAPTERS
from codesift.manifest import Adapter as Adapter
from codesift.manifest import Adapters as Adapters
from codesift.manifest import read_adapters as read_adapters

if TYPE_CHECKING:
    from codesift.config import Settings

TEMPLATE = "1"
"""Version of the text that is encoded for a unit. Raise it whenever that text changes."""

DEFAULT = "all-MiniLM-L6-v2"

BUNDLED = Path(__file__).parent / "bases"
SHIPPED = Path(__file__).parent / "adapters"

_BERT_TARGETS = ("query", "key", "value", "dense")


@dataclass(frozen=True, slots=True)
class Base:
    """A pretrained encoder, frozen."""

    name: str
    """What `--model` takes."""
    hub_id: str
    """Where its publisher keeps it; empty for a local folder."""
    dimensions: int
    window: int
    """Tokens that one text may have, special tokens included."""
    pooling: str
    """`mean` over all tokens, or `cls`: the first."""
    license: str
    prefix: tuple[str, ...] = ()
    """Tokens put before the text, after what the tokenizer itself puts there."""
    suffix: tuple[str, ...] = ()
    """Tokens put after the text."""
    added: tuple[str, ...] = ()
    """Special tokens its tokenizer's file lacks, in the order of their ids."""
    targets: tuple[str, ...] = _BERT_TARGETS
    """Last parts of the names of the linear layers an adapter may change."""
    folder: str = ""
    """Where its files are, if they are not in the hub's cache."""


@dataclass(frozen=True, slots=True)
class Space:
    """A base with all its adapters. Vectors can be compared if and only if their spaces have the same id."""

    id: str
    dimensions: int
    base: Base
    adapters: Adapters = NO_ADAPTERS

    def adapter_for(self, language: str) -> Adapter | None:
        """The adapter that encodes code of a language (`text`: prose and queries); None is the bare base."""
        return self.adapters.for_language(language)

    def adapter_key(self, language: str) -> str:
        """Tells apart the vectors of the same text in two languages; empty for the bare base."""
        adapter = self.adapter_for(language)
        return adapter.sha256 if adapter else ""


BASES: dict[str, Base] = {
    base.name: base
    for base in (
        Base(
            name=DEFAULT,
            hub_id="sentence-transformers/all-MiniLM-L6-v2",
            dimensions=384,
            window=256,
            pooling="mean",
            license="Apache-2.0",
            folder=str(BUNDLED / DEFAULT),
        ),
        Base(
            name="microsoft/unixcoder-base",
            hub_id="microsoft/unixcoder-base",
            dimensions=768,
            window=512,
            pooling="mean",
            license="Apache-2.0",
            prefix=("<encoder-only>", "</s>"),
        ),
        Base("microsoft/graphcodebert-base", "microsoft/graphcodebert-base", 768, 512, "mean", "MIT"),
        Base("microsoft/codebert-base", "microsoft/codebert-base", 768, 512, "mean", "MIT"),
        Base(
            name="bigcode/starencoder",
            hub_id="bigcode/starencoder",
            dimensions=768,
            window=512,
            pooling="mean",
            license="BigCode-OpenRAIL-M",
            prefix=("<cls>",),
            suffix=("<sep>",),
            added=("<pad>", "<sep>", "<cls>", "<mask>"),
        ),
    )
}


def find_base(name: str) -> Base:
    """The base model `--model NAME` means: a row of `BASES`, or a local folder.

    Raises:
        ModelError: if there is no such row and no such folder.
    """
    if name in BASES:
        return BASES[name]
    for base in BASES.values():
        if base.hub_id == name:
            return base
    if Path(name).expanduser().is_dir():
        return local_base(Path(name).expanduser())
    raise ModelError(f"unknown model {name!r}", f"{_nearest(name)}`codesift models` lists all")


def is_converted(base: Base) -> bool:
    """Whether the base is in the form `training.convert` writes, which needs no torch."""
    return bool(base.folder) and (Path(base.folder) / "model.json").is_file()


def local_base(folder: Path) -> Base:
    """Describe a folder: converted, in sentence-transformers' layout, or plain transformers (mean pooling).

    Raises:
        ModelError: if it holds no encoder that can be loaded.
    """
    folder = folder.resolve()
    if (folder / "model.json").is_file():
        return _converted_base(folder)
    config = _read_json(folder / "config.json")
    try:
        dimensions, positions = int(config["hidden_size"]), int(config["max_position_embeddings"])
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"{folder / 'config.json'} does not describe a BERT or RoBERTa encoder") from error
    # RoBERTa numbers positions from its padding id + 1.
    offset = int(config["pad_token_id"]) + 1 if _is_roberta(config) else 0
    window = min(positions - offset, 512)
    limit = _read_json(folder / "sentence_bert_config.json", optional=True).get("max_seq_length")
    return Base(
        name=str(folder),
        hub_id="",
        dimensions=dimensions,
        window=min(window, int(limit)) if limit else window,
        pooling=_pooling_of(folder),
        license="unknown",
        folder=str(folder),
    )


def locate(base: Base) -> Path:
    """The folder with the base's files, taken from the hub's cache and filled from the hub if need be.

    Raises:
        ModelError: if they are not there and cannot be fetched.
    """
    if base.folder:
        return Path(base.folder)
    return hub.cached(base.hub_id) or hub.download(base.hub_id)


def space_for(base: Base, adapters: Adapters | None = None) -> Space:
    """The space of a base and its adapters.

    Args:
        base: the model.
        adapters: None for those that codesift ships for the base.

    Raises:
        ModelError: if files cannot be found, or the adapters are of another base.
    """
    adapters = shipped_adapters(base) if adapters is None else adapters
    if adapters.base in BASES and base.name in BASES and adapters.base != base.name:
        raise ModelError(f"the adapters are for {adapters.base}, the model is {base.name}")
    parts = (
        weights_digest(base),
        adapters.identity(),
        TEMPLATE,
        base.pooling,
        str(base.window),
        *base.prefix,
        *base.suffix,
    )
    digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()
    return Space(digest[:32], base.dimensions, base, adapters)


def shipped_adapters(base: Base) -> Adapters:
    """The adapters that come with codesift for a row of `BASES`; `NO_ADAPTERS` where there are none.

    Raises:
        ModelError: if they are incomplete.
    """
    manifest = SHIPPED / base.name / NAME
    return read_adapters(manifest) if base.name in BASES and manifest.is_file() else NO_ADAPTERS


def chosen_space(settings: Settings, root: Path) -> Space:
    """The space that the settings of the repository at `root` ask for.

    Raises:
        ModelError: if its model or adapters cannot be found.
    """
    base = find_base(settings.model)
    if isinstance(settings.adapters, str):
        return space_for(base, read_adapters(root / Path(settings.adapters).expanduser()))
    return space_for(base, None if settings.adapters else NO_ADAPTERS)


def weights_digest(base: Base) -> str:
    """A digest of the base's files that change a vector; for a converted base read, not computed."""
    folder = locate(base)
    if is_converted(base):
        model = _read_json(folder / "model.json")
        return f"{model['weights']['sha256']} {model['tokenizer']['sha256']}"
    files = [folder / name for name in _IDENTITY if (folder / name).is_file()]
    files += _weight_files(folder)
    return " ".join(hub.file_digest(path) for path in files)


_IDENTITY = ("config.json", "tokenizer.json", "vocab.json", "merges.txt", "vocab.txt")


def _weight_files(folder: Path) -> list[Path]:
    if found := hub.weight_files(folder):
        return found
    raise ModelError(f"no weights in {folder}", "expected model.safetensors or pytorch_model.bin")


def _converted_base(folder: Path) -> Base:
    model = _read_json(folder / "model.json")
    return Base(
        name=str(folder),
        hub_id="",
        dimensions=model["dimensions"],
        window=model["window"],
        pooling=model["pooling"],
        license=model["license"],
        folder=str(folder),
    )


def _pooling_of(folder: Path) -> str:
    modules = [module["type"].rsplit(".", 1)[-1] for module in _read_list(folder / "modules.json")]
    if unknown := set(modules) - {"Transformer", "Pooling", "Normalize"}:
        raise ModelError(f"{folder} has modules codesift cannot load: {', '.join(sorted(unknown))}")
    pooling = _read_json(folder / "1_Pooling" / "config.json", optional=True)
    modes = sorted(key for key, on in pooling.items() if key.startswith("pooling_mode_") and on is True)
    known = {"pooling_mode_mean_tokens": "mean", "pooling_mode_cls_token": "cls"}
    if not modes:
        return str(pooling.get("pooling_mode", "mean"))
    if len(modes) != 1 or modes[0] not in known:
        raise ModelError(f"{folder} pools by {', '.join(modes)}", "mean and cls pooling can be loaded")
    return known[modes[0]]


def _is_roberta(config: dict[str, Any]) -> bool:
    return "roberta" in str(config.get("model_type", ""))


def _read_list(path: Path) -> list[dict[str, Any]]:
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []


def _read_json(path: Path, optional: bool = False) -> dict[str, Any]:
    if optional and not path.is_file():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"cannot read {path}: {error}") from error
    if not isinstance(content, dict):
        raise ModelError(f"{path} does not hold a JSON object")
    return content


def _nearest(name: str) -> str:
    from difflib import get_close_matches

    # Half of the hub's names is the publisher's, which people leave out.
    short = {base.rsplit("/", 1)[-1].lower(): base for base in BASES}
    match = get_close_matches(name.rsplit("/", 1)[-1].lower(), list(short), n=1, cutoff=0.5)
    return f"did you mean {short[match[0]]}? " if match else ""
