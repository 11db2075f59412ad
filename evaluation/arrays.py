"""Types of numpy arrays beside `codesift.types.Matrix`; their shapes stand where they are used."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

RealArray = NDArray[np.floating[Any]]
"""Of any precision."""
