"""Types of numpy arrays; what their dimensions are stands where they are used."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float32]
RealArray = NDArray[np.floating[Any]]
"""Of any precision."""
