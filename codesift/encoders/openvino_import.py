"""OpenVINO without its model converter, which at import would report its use to a server and cost 0.1 s."""

from __future__ import annotations

import sys

_CONVERTER = "openvino.tools.ovc"
_absent = _CONVERTER not in sys.modules
if _absent:
    # None makes `import` raise ImportError, which openvino expects for a part that is not installed.
    sys.modules[_CONVERTER] = None  # type: ignore[assignment]
try:
    import openvino  # type: ignore[import-untyped]
    import openvino.opset13 as opset  # type: ignore[import-untyped]
finally:
    if _absent:
        del sys.modules[_CONVERTER]

__all__ = ["openvino", "opset"]
