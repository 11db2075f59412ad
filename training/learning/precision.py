"""The precision in which this machine trains fastest."""

from __future__ import annotations

import torch

BF16, FP32 = "bf16", "fp32"
_INSTRUCTIONS = ("avx512_bf16", "amx_bf16", "bf16")
"""Names torch gives to bfloat16 arithmetic of x86 and ARM processors.

Without any of them bfloat16 is emulated: a step of all-MiniLM-L6-v2 took 3.7 times as long as in float32 on a
Zen 4 that was held to older instructions (ATEN_CPU_CAPABILITY=avx2 ONEDNN_MAX_CPU_ISA=AVX2).
"""


def fastest() -> str:
    """`bf16` where the GPU, or else the processor, has instructions for it; `fp32` anywhere else."""
    if torch.cuda.is_available():
        return BF16 if torch.cuda.is_bf16_supported(including_emulation=False) else FP32
    # An older torch does not say what the processor can do; float32 is right on all of them.
    capabilities = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    return BF16 if any(capabilities.get(name) for name in _INSTRUCTIONS) else FP32
