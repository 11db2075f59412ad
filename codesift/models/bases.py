"""Base models: a table of them, local folders, and the files of a base."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from codesift.errors import ModelError
from codesift.models import folder as model_folder
from codesift.models import hub
from codesift.models.files import expanded, is_folder, shown

DEFAULT = "all-MiniLM-L6-v2"

BUNDLED = Path(__file__).parents[1] / "bases"

_MAX_NAME_LENGTH = 200
"""Number of characters of an unknown name that are compared with the names in `BASES`."""


@dataclass(frozen=True, slots=True)
class Base:
    """A pretrained encoder, which stays frozen."""

    name: str
    """Name that `--model` accepts."""
    hub_id: str
    """Name on the model hub; empty for a local folder."""
    dimensions: int
    window: int
    """Maximum number of tokens of one text, including special tokens."""
    pooling: str
    """`mean` over all tokens, or `cls` for the first token."""
    license: str
    prefix: tuple[str, ...] = ()
    """Tokens inserted before the text, after those that the tokenizer inserts."""
    suffix: tuple[str, ...] = ()
    """Tokens appended to the text."""
    added: tuple[str, ...] = ()
    """Special tokens that the file of its tokenizer lacks, in the order of their ids."""
    folder: str = ""
    """Folder of its files, if they are not in the cache of the hub."""


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
    """Find the base model that `--model NAME` stands for: a row of `BASES`, or a local folder.

    Raises:
        ModelError: there is no such row and no such folder.
    """
    if name in BASES:
        return BASES[name]
    for base in BASES.values():
        if base.hub_id == name:
            return base
    if is_folder(folder := expanded(name)):
        # A folder of this name may come with the repository that the command runs in.
        if not folder.is_absolute() and not name.startswith("."):
            raise ModelError(f"unknown model {shown(name)}", f"write ./{shown(name)} if you mean that folder")
        return local_base(folder)
    raise ModelError(f"unknown model {shown(name)}", f"{_nearest(name)}`codesift models` lists all")


def is_converted(base: Base) -> bool:
    """Return whether the base is in the format that `training.convert` writes, which needs no torch."""
    return bool(base.folder) and model_folder.is_converted_folder(Path(base.folder))


def local_base(folder: Path) -> Base:
    """Describe a folder: converted, in the layout of sentence-transformers, or plain transformers (mean
    pooling).

    Raises:
        ModelError: it contains no encoder that can be loaded.
    """
    folder = folder.resolve()
    description = model_folder.describe(folder)
    return Base(
        name=str(folder),
        hub_id="",
        dimensions=description.dimensions,
        window=description.window,
        pooling=description.pooling,
        license=description.license,
        folder=str(folder),
    )


def locate(base: Base) -> Path:
    """Return the folder of the base's files. They are downloaded to the cache of the hub if they are missing.

    Raises:
        ModelError: they are missing and cannot be downloaded.
    """
    if base.folder:
        return Path(base.folder)
    return hub.cached(base.hub_id) or hub.download(base.hub_id)


def weights_digest(base: Base) -> str:
    """Return a digest of all files of a base that affect vectors. A converted base stores it in `model.json`.

    Raises:
        ModelError: a file is missing or unfit, or the base cannot be downloaded.
    """
    return model_folder.folder_digest(locate(base))


def _nearest(name: str) -> str:
    from difflib import get_close_matches

    # A name on the hub begins with the publisher, which people leave out.
    name = name[:_MAX_NAME_LENGTH]
    short = {base.rsplit("/", 1)[-1].lower(): base for base in BASES}
    match = get_close_matches(name.rsplit("/", 1)[-1].lower(), list(short), n=1, cutoff=0.5)
    return f"did you mean {short[match[0]]}? " if match else ""
