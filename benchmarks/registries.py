"""Packages by their ordinary clients: what training fetches its sources with serves the benchmarks too."""

from training.sources.archives import Unavailable, unpack_tar
from training.sources.clients import Package, debian_sources, fetch

__all__ = ["Package", "Unavailable", "debian_sources", "fetch", "unpack_tar"]
