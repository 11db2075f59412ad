"""Base models, language adapters, and the vector space that a pair of them spans."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from codesift.errors import ModelError
from codesift.models import folder as model_folder
from codesift.models import hub
from codesift.models.adapters import NAME
from codesift.models.adapters import NO_ADAPTERS as NO_ADAPTERS
from codesift.models.adapters import Adapter as Adapter
from codesift.models.adapters import Adapters as Adapters
from codesift.models.adapters import read_adapters as read_adapters
from codesift.models.files import expanded, is_folder, shown

if TYPE_CHECKING:
    from codesift.config import Settings

TEMPLATE = "1"
"""Version of the text that is encoded for a unit. Raise it whenever that text changes."""

DEFAULT = "all-MiniLM-L6-v2"

BUNDLED = Path(__file__).parents[1] / "bases"
SHIPPED = Path(__file__).parents[1] / "adapters"

_LONGEST_NAME = 200
"""Characters of an unknown name that are compared with those of `BASES`."""

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
    if is_folder(folder := expanded(name)):
        # A folder of this name may have come with the repository that the command is run in.
        if not folder.is_absolute() and not name.startswith("."):
            raise ModelError(f"unknown model {shown(name)}", f"write ./{shown(name)} if you mean that folder")
        return local_base(folder)
    raise ModelError(f"unknown model {shown(name)}", f"{_nearest(name)}`codesift models` lists all")


def is_converted(base: Base) -> bool:
    """Whether the base is in the form `training.convert` writes, which needs no torch."""
    return bool(base.folder) and model_folder.is_converted(Path(base.folder))


def local_base(folder: Path) -> Base:
    """Describe a folder: converted, in sentence-transformers' layout, or plain transformers (mean pooling).

    Raises:
        ModelError: if it holds no encoder that can be loaded.
    """
    folder = folder.resolve()
    found = model_folder.describe(folder)
    return Base(
        name=str(folder),
        hub_id="",
        dimensions=found.dimensions,
        window=found.window,
        pooling=found.pooling,
        license=found.license,
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
    check_pair(base, adapters)
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


def check_pair(base: Base, adapters: Adapters) -> None:
    """Check that the adapters were not trained on another row of `BASES`.

    Raises:
        ModelError: they were.
    """
    if adapters.base in BASES and base.name in BASES and adapters.base != base.name:
        raise ModelError(f"the adapters are for {adapters.base}, the model is {base.name}")


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
    return space_for(*chosen(settings, root))


def chosen(settings: Settings, root: Path) -> tuple[Base, Adapters]:
    """The base and the adapters that the settings ask for, without fetching or reading weights.

    Raises:
        ModelError: if one of them is unknown or described wrongly.
    """
    base = find_base(settings.model)
    if isinstance(settings.adapters, str):
        return base, read_adapters(root / expanded(settings.adapters))
    return base, shipped_adapters(base) if settings.adapters else NO_ADAPTERS


def weights_digest(base: Base) -> str:
    """A digest of the base's files that change a vector; for a converted base read, not computed.

    Raises:
        ModelError: if a file is missing or unfit, or the base cannot be fetched.
    """
    return model_folder.digest(locate(base))


def _nearest(name: str) -> str:
    from difflib import get_close_matches

    # Half of the hub's names is the publisher's, which people leave out.
    name = name[:_LONGEST_NAME]
    short = {base.rsplit("/", 1)[-1].lower(): base for base in BASES}
    match = get_close_matches(name.rsplit("/", 1)[-1].lower(), list(short), n=1, cutoff=0.5)
    return f"did you mean {short[match[0]]}? " if match else ""
