"""Training uses bfloat16 where there are instructions for it, and float32 elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
import torch

from training.learning.precision import BF16, FP32, fastest

AVX2 = {"avx2": True, "fma3": True, "avx512_f": False, "avx512_bf16": False, "amx_bf16": False}
AVX512 = {"avx2": True, "avx512_f": True, "avx512_vnni": True, "avx512_bf16": False, "amx_bf16": False}
ZEN4 = AVX512 | {"avx512_bf16": True}
SAPPHIRE_RAPIDS = ZEN4 | {"amx_tile": True, "amx_bf16": True}
GRAVITON2 = {"neon": True, "dot": True, "bf16": False}
GRAVITON3 = GRAVITON2 | {"bf16": True}


@pytest.fixture
def processor(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A machine without a GPU, whose processor a test may choose."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    return monkeypatch


@pytest.mark.parametrize(
    ("capabilities", "expected"),
    [
        (AVX2, FP32),
        (AVX512, FP32),
        (ZEN4, BF16),
        (SAPPHIRE_RAPIDS, BF16),
        (GRAVITON2, FP32),
        (GRAVITON3, BF16),
        ({}, FP32),
    ],
)
def test_a_processor_trains_in_what_it_has_instructions_for(
    capabilities: Mapping[str, bool], expected: str, processor: pytest.MonkeyPatch
) -> None:
    processor.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)
    assert fastest() == expected


def test_a_torch_that_does_not_know_its_processor_trains_in_float32(processor: pytest.MonkeyPatch) -> None:
    processor.delattr(torch.cpu, "get_capabilities", raising=False)
    assert fastest() == FP32


@pytest.mark.parametrize(("native", "expected"), [(True, BF16), (False, FP32)])
def test_a_gpu_is_asked_before_the_processor(
    native: bool, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = AVX2 if native else ZEN4
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: other, raising=False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    # Torch counts emulation too, unless it is told not to.
    monkeypatch.setattr(
        torch.cuda, "is_bf16_supported", lambda including_emulation=True: native or including_emulation
    )
    assert fastest() == expected


def test_this_processor_s_flags_say_the_same() -> None:
    info = Path("/proc/cpuinfo")
    if torch.cuda.is_available() or not info.is_file() or not hasattr(torch.cpu, "get_capabilities"):
        pytest.skip("needs Linux, no GPU, and a torch that knows its processor")
    flags = set(info.read_text().split())
    assert fastest() == (BF16 if flags & {"avx512_bf16", "amx_bf16", "bf16"} else FP32)
