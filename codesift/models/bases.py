"""Base models: the rows of the table, local folders, and where the files of a base are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from codesift.errors import ModelError
from codesift.models import folder as model_folder
from codesift.models import hub
from codesift.models.files import expanded, is_folder, shown

DEFAULT = "all-MiniLM-L6-v2"

BUNDLED = Path(__file__).parents[1] / "bases"

_LONGEST_NAME = 200
"""Characters of an unknown name that are compared with those of `BASES`."""


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
    folder: str = ""
    """Where its files are, if they are not in the hub's cache."""


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
