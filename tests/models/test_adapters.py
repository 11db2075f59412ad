"""Language adapters: what a manifest says, and that each language goes through its own."""

from __future__ import annotations

import json
import weakref
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fakes import HashingEncoder, opened, refuse, run_index, write
from safetensors.numpy import load_file, save_file
from tiny_models import DIM, adapters, converted, transformers_folder

from codesift.config import Settings, load_settings, user_file
from codesift.encoders import open_encoder
from codesift.encoders.converted_base import ConvertedBase
from codesift.encoders.engine import Engine
from codesift.encoders.numpy_engine import NumpyEngine
from codesift.encoders.weights import Weights, load_weights, merge, read_adapter
from codesift.errors import ModelError, UsageError
from codesift.models.adapters import NO_ADAPTERS, read_adapters
from codesift.models.bases import BASES, DEFAULT, Base, local_base
from codesift.models.hub import file_digest
from codesift.models.overview import list_models
from codesift.models.spaces import shipped_adapters, space_for
from codesift.parsing.languages import LANGUAGES
from codesift.search.filters import Filter
from codesift.search.lookup import origin_of_code, snippet_of
from codesift.search.query import Question, query
from codesift.search.similar import similar
from codesift.types import Encoder
from evaluation.records import LANGUAGES as ADAPTED

LEARNED = ["python", "c", "cpp", "typescript", "text", ""]
CODE = ["def parse ( x ) : return json", "open file", "foo bar = path " * 9]
Broken = Callable[[dict[str, Any]], object]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Base:
    return local_base(converted(tmp_path_factory.mktemp("models") / "tiny"))


@pytest.fixture(scope="module")
def manifest(base: Base, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return adapters(tmp_path_factory.mktemp("adapters"), Path(base.folder), LEARNED)


@pytest.fixture(scope="module")
def encoder(base: Base, manifest: Path) -> Encoder:
    return open_encoder(space_for(base, read_adapters(manifest)))


@pytest.fixture
def own(base: Base, tmp_path: Path) -> Path:
    """A manifest a test may damage."""
    return adapters(tmp_path / "own", Path(base.folder), LEARNED)


def cosines(one: Any, other: Any) -> list[float]:
    return [float(cosine) for cosine in (one * other).sum(axis=1)]


# -- manifests ------------------------------------------------------------------------------------


def test_names_alone_are_enough_and_files_say_the_rest(manifest: Path) -> None:
    found = read_adapters(manifest)
    assert found == read_adapters(manifest.parent)
    python = found.code["python"]
    assert python and (python.rank, python.language, python.name) == (4, "python", "tiny/python")
    assert python.sha256 == file_digest(manifest.parent / "python.safetensors")
    assert list(found.named()) == ["text", "python", "c", "cpp", "typescript", ""]


def test_what_a_manifest_states_is_not_computed(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    figures = {"metric": "MRR", "base": 0.6, "adapter": 0.7}
    entry = {"file": "python.safetensors", "sha256": "a" * 64, "rank": 16, "figures": figures}
    own.write_text(json.dumps({"format": 1, "base": "tiny", "text": None, "code": {"python": entry}}))
    monkeypatch.setattr(
        "codesift.models.adapters.file_digest", lambda path, limit: pytest.fail(f"{path} was hashed")
    )
    python = read_adapters(own).code["python"]
    assert python and (python.rank, python.sha256, python.figures) == (16, "a" * 64, figures)


def test_a_language_has_its_own_adapter_or_that_of_its_kin_or_the_common_one(manifest: Path) -> None:
    found = read_adapters(manifest)
    used = {name: adapter.language for name in LANGUAGES if (adapter := found.for_language(name))}
    assert used["python"] == "python" and used["tsx"] == "typescript" and used["text"] == "text"
    assert used["kotlin"] == used["go"] == "" and set(used) == set(LANGUAGES)
    assert found.for_language("") is found.code[""]


def test_null_is_the_bare_base_also_beside_a_common_adapter(own: Path) -> None:
    content = json.loads(own.read_text())
    own.write_text(json.dumps(content | {"text": None, "code": content["code"] | {"go": None}}))
    found = read_adapters(own)
    assert found.text is found.for_language("text") is found.for_language("go") is None
    assert found.for_language("rust") is found.code[""]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda m: m.update(format=2), "format 1"),
        (lambda m: m.pop("base"), "format 1"),
        (lambda m: m.update(code=["python"]), "format 1"),
        (lambda m: m["code"].update(pyhton="python.safetensors"), "pyhton"),
        (lambda m: m["code"].update(text="text.safetensors"), "text"),
        (lambda m: m.update(text="../own/text.safetensors"), "outside"),
        (lambda m: m.update(text={"file": "/etc/hosts"}), "outside"),
        (lambda m: m.update(text="other.safetensors"), "there is no adapter"),
        (lambda m: m.update(text={"sha256": "a"}), "names no file for text"),
        (lambda m: m.update(text="adapters.json"), "is not an adapter"),
        (lambda m: m.update(text={"file": "text.safetensors", "sha256": "a" * 65}), "text.sha256 must be"),
        (lambda m: m.update(text={"file": "text.safetensors", "rank": "8"}), "text.rank must be"),
    ],
)
def test_a_wrong_manifest_is_one_line(own: Path, change: Broken, said: str) -> None:
    content = json.loads(own.read_text())
    change(content)
    own.write_text(json.dumps(content))
    with pytest.raises(ModelError, match=said) as failure:
        read_adapters(own)
    assert "\n" not in str(failure.value)


@pytest.mark.parametrize("content", ["", "[]", "{", "null"])
def test_a_file_that_is_no_manifest_is_one_line(tmp_path: Path, content: str) -> None:
    (tmp_path / "adapters.json").write_text(content)
    with pytest.raises(ModelError, match=r"adapters\.json"):
        read_adapters(tmp_path)


def test_adapters_of_another_base_are_refused(manifest: Path) -> None:
    others = replace(read_adapters(manifest), base="microsoft/codebert-base")
    with pytest.raises(ModelError, match="are for microsoft/codebert-base"):
        space_for(BASES[DEFAULT], others)


def test_what_is_shipped_is_whole_and_of_its_base() -> None:
    for base in BASES.values():
        found = shipped_adapters(base)
        assert found == NO_ADAPTERS or found.base == base.name
        for adapter in found.named().values():
            assert Path(adapter.path).stat().st_size <= 1_500_000
            assert file_digest(Path(adapter.path)) == adapter.sha256
            read_adapter(adapter)


def test_eleven_languages_have_an_adapter_and_others_the_combined_one() -> None:
    shipped = shipped_adapters(BASES[DEFAULT])
    assert set(shipped.code) == {*ADAPTED, ""}
    assert shipped.text
    assert len({adapter.sha256 for adapter in shipped.named().values()}) == 2 + len(ADAPTED)


# -- encoders -------------------------------------------------------------------------------------


def test_each_language_has_vectors_of_its_own_that_stay_the_same(encoder: Encoder) -> None:
    first = {language: encoder.encode(CODE, language) for language in LEARNED}
    again = {language: encoder.encode(CODE, language) for language in reversed(LEARNED)}
    for language, vectors in first.items():
        assert np.array_equal(vectors, again[language])
        for other in set(LEARNED) - {language}:
            assert min(cosines(vectors, first[other])) < 0.999
    assert np.array_equal(encoder.encode(CODE, "kotlin"), first[""])


def test_one_engine_is_kept(base: Base, manifest: Path) -> None:
    made: list[weakref.ref[Engine]] = []

    def build(weights: Weights) -> Engine:
        engine = NumpyEngine(weights, {})
        made.append(weakref.ref(engine))
        return engine

    loaded, code = ConvertedBase(base, build), read_adapters(manifest).code
    for language in ("python", "python", "c", "c"):
        assert loaded.engine(code[language]) is made[-1]()
    assert len(made) == 2 and made[0]() is None


def test_a_query_goes_through_the_adapter_for_text(base: Base, encoder: Encoder) -> None:
    text = "parse json file"
    vector = encoder.encode_query(text)
    assert encoder.encode([text], "text")[0] @ vector > 0.998
    assert open_encoder(base).encode_query(text) @ vector < 0.999
    long = "\n".join(f"x = foo{n}" for n in range(200))
    parts = [window.text for window in encoder.windows("", long, 1)]
    mean = encoder.encode(parts, "text").mean(axis=0)
    assert encoder.encode_query(long) @ mean / np.linalg.norm(mean) > 0.999


def test_a_query_of_the_default_model_agrees_with_merged_weights(tmp_path: Path) -> None:
    folder = Path(BASES[DEFAULT].folder)
    text = read_adapters(adapters(tmp_path, folder, ["text"], rank=16, strength=0.1)).text
    assert text
    weights, change = load_weights(folder), read_adapter(text)
    ids = ConvertedBase(BASES[DEFAULT], refuse).tokens.ids(["where is the cache invalidated"])
    (beside,), (merged,) = NumpyEngine(weights, change)(ids), NumpyEngine(merge(weights, change), {})(ids)
    assert beside @ merged > 0.9995
    assert beside @ NumpyEngine(weights, {})(ids)[0] < 0.999


def test_without_an_adapter_for_text_queries_go_through_the_base(base: Base, manifest: Path) -> None:
    bare = open_encoder(base)
    encoder = open_encoder(space_for(base, replace(read_adapters(manifest), text=None)))
    assert np.array_equal(encoder.encode_query("open file"), bare.encode_query("open file"))
    assert np.array_equal(encoder.encode(CODE, "text"), bare.encode(CODE))


def test_torch_gives_the_vectors_of_the_engine(manifest: Path, encoder: Encoder, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    base = local_base(transformers_folder(tmp_path / "bert"))
    torch_encoder = open_encoder(space_for(base, read_adapters(manifest)))
    bare = open_encoder(base).encode(CODE)
    for language in [*LEARNED, "python", "kotlin"]:
        vectors = torch_encoder.encode(CODE, language)
        # Far apart on any processor: rounding costs 0.0002 at most, the smallest change is 0.01.
        assert min(cosines(vectors, encoder.encode(CODE, language))) > 0.998
        assert min(cosines(vectors, bare)) < 0.995
    assert torch_encoder.encode_query(CODE[0]) @ encoder.encode_query(CODE[0]) > 0.998


def test_torch_goes_back_to_the_original_weights_exactly(manifest: Path, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    base = local_base(transformers_folder(tmp_path / "bert"))
    some = replace(read_adapters(manifest), code={"python": read_adapters(manifest).code["python"]})
    encoder = open_encoder(space_for(base, some))
    first = encoder.encode(CODE, "python")
    for _ in range(50):
        encoder.encode(CODE[:1], "python"), encoder.encode_query("x")
    assert np.array_equal(encoder.encode(CODE, "rust"), open_encoder(base).encode(CODE))
    assert np.array_equal(encoder.encode(CODE, "python"), first)


@pytest.mark.parametrize("kind", ["converted", "torch"])
@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda t: t.update({"encoder.layer.9.output.dense.weight.A": np.ones((4, DIM), np.float16)}),
            "pair",
        ),
        (lambda t: t.pop(next(iter(t))), "pair"),
        (lambda t: t.update({name: np.ones((4, 4), np.float16) for name in list(t)}), "does not fit"),
        (lambda t: t.clear() or t.update(x=np.ones(3, np.float16)), "pair"),
    ],
)
def test_an_adapter_that_does_not_fit_is_one_line(
    base: Base, own: Path, tmp_path: Path, kind: str, change: Broken, said: str
) -> None:
    if kind == "torch":
        pytest.importorskip("torch")
        base = local_base(transformers_folder(tmp_path / "bert"))
    path = own.parent / "text.safetensors"
    tensors = load_file(path)
    change(tensors)
    sound = read_adapters(own)
    save_file(tensors, path)
    assert sound.text
    encoder = open_encoder(
        space_for(base, replace(sound, text=replace(sound.text, sha256=file_digest(path))))
    )
    for ask in (lambda: encoder.encode_query("x"), lambda: encoder.encode(["x"], "text")):
        with pytest.raises(ModelError, match=said) as failure:
            ask()
        assert "\n" not in str(failure.value)
    assert encoder.encode(["x"], "python").shape == (1, DIM)


@pytest.mark.parametrize("damage", ["changed", "cut", "gone"])
def test_a_damaged_adapter_is_never_used(base: Base, own: Path, damage: str) -> None:
    space = space_for(base, read_adapters(own))
    path = own.parent / "python.safetensors"
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2] if damage == "cut" else content[:-1] + b"\x01")
    if damage == "gone":
        path.unlink()
    with pytest.raises(ModelError, match=r"python\.safetensors"):
        open_encoder(space).encode(["x"], "python")


# -- the index ------------------------------------------------------------------------------------

SAME = "int tide(void)\n{\n    return 1;\n}\n"


@pytest.fixture
def settings(base: Base, manifest: Path) -> Settings:
    return Settings(model=base.folder, adapters=str(manifest.parent))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write(tmp_path, "a/tide.c", SAME)
    write(tmp_path, "b/tide.cpp", SAME)
    write(tmp_path, "quay.py", "def moor():\n    return 'rope'\n\n\ndef cast():\n    return 'off'\n")
    write(tmp_path, "ferry.go", "package ferry\n\nfunc Sail() int { return 1 }\n")
    write(tmp_path, "README.md", "# Harbour\n\nWhere ships lie.\n")
    return tmp_path


def test_the_same_text_in_two_languages_has_two_vectors(root: Path, settings: Settings) -> None:
    run_index(root, HashingEncoder(dimensions=DIM), Settings(model=settings.model))
    with opened(root, Settings(model=settings.model)) as index:
        shared = [
            index.primary.vectors.of_unit(index.catalog.units_of(p)[0].unit_id)
            for p in ("a/tide.c", "b/tide.cpp")
        ]
        assert np.array_equal(*shared)
    run_index(root, open_encoder(space_of(settings)), settings)
    with opened(root, settings) as index:
        apart = [
            index.primary.vectors.of_unit(index.catalog.units_of(p)[0].unit_id)
            for p in ("a/tide.c", "b/tide.cpp")
        ]
        assert not np.allclose(*apart, atol=1e-3)


def space_of(settings: Settings) -> Any:
    return space_for(local_base(Path(settings.model)), read_adapters(Path(str(settings.adapters))))


def test_each_language_is_encoded_in_one_go_by_its_own_adapter(root: Path, settings: Settings) -> None:
    for number in range(5):
        write(root, f"z{number}.py", f"def late{number}():\n    return {number}\n")
    encoder = HashingEncoder(dimensions=DIM)
    report = run_index(root, encoder, settings)
    assert encoder.languages[0] == "python", "most units first"
    assert sorted(encoder.languages) == ["c", "cpp", "go", "python", "text"]
    assert report.embedded == report.units == 12


def test_a_moved_file_costs_no_embedding_with_adapters(root: Path, settings: Settings) -> None:
    encoder = HashingEncoder(dimensions=DIM)
    run_index(root, encoder, settings)
    (root / "quay.py").rename(root / "b" / "quay.py")
    assert run_index(root, encoder, settings).embedded == 0


def test_adapters_and_the_bare_base_have_indexes_beside_each_other(root: Path, settings: Settings) -> None:
    encoder = HashingEncoder(dimensions=DIM)
    run_index(root, encoder, settings)
    bare = replace(settings, adapters=False)
    with opened(root, bare) as index:
        assert index.primary.vectors.ready() == 0
    assert run_index(root, encoder, bare).embedded == 6
    assert run_index(root, encoder, settings).embedded == 0


def test_pasted_code_finds_itself_by_the_adapter_of_its_language(root: Path, settings: Settings) -> None:
    encoder = open_encoder(space_of(settings))
    run_index(root, encoder, settings)
    with opened(root, settings) as index:
        for language, path in (("c", "a/tide.c"), ("cpp", "b/tide.cpp")):
            snippet = snippet_of(SAME, language)
            assert snippet
            origin = origin_of_code(snippet, language, lambda: encoder)
            hits = similar(origin, index, settings, 1, Filter()).hits
            question = Question("tide", 1, lexical=False, code=snippet, language=language)
            asked = query(question, index, settings, lambda: encoder).hits
            assert hits[0].path == asked[0].path == path


# -- settings and lists ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "meant"), [("true", True), ("off", False), ("0", False), ("/my/adapters", "/my/adapters")]
)
def test_the_setting_is_yes_no_or_a_folder(tmp_path: Path, written: str, meant: object) -> None:
    assert load_settings(tmp_path, {"CODESIFT_ADAPTERS": written}, {}).adapters == meant
    user_file().parent.mkdir(parents=True)
    user_file().write_text(f"adapters = {json.dumps(meant)}\n")
    assert load_settings(tmp_path, {}, {}).adapters == meant


def test_a_wrong_setting_says_what_is_expected(tmp_path: Path) -> None:
    user_file().parent.mkdir(parents=True)
    user_file().write_text("adapters = 1\n")
    with pytest.raises(UsageError, match=r"true or false, or a folder with an adapters\.json"):
        load_settings(tmp_path, {}, {})


def test_a_folder_of_the_library_is_seen_from_the_root(root: Path, base: Base) -> None:
    adapters(root / "own", Path(base.folder), ["python"])
    settings = Settings(model=base.folder, adapters="own")
    with opened(root, settings) as index:
        assert list(index.primary.space.adapters.named()) == ["python"]
    with pytest.raises(ModelError, match="elsewhere"), opened(root, replace(settings, adapters="elsewhere")):
        refuse()


def test_models_lists_adapters_with_rank_size_and_figures(own: Path, base: Base, root: Path) -> None:
    content = json.loads(own.read_text())
    figures = {"metric": "MRR", "base": 0.61, "adapter": 0.69}
    content["code"] = {"python": {"file": "python.safetensors", "figures": figures}}
    own.write_text(json.dumps(content))
    rows = list_models(Settings(model=base.folder, adapters=str(own.parent)), root)
    text, python = rows[-2:]
    assert (text["name"], text["language"], text["in_use"]) == ("tiny/text", "text", True)
    assert (python["rank"], python["figures"], python["in_use"]) == (4, figures, True)
    assert python["size_bytes"] == (own.parent / "python.safetensors").stat().st_size
    assert all(list(row) == list(rows[0]) for row in rows)
