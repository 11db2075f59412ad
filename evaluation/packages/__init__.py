"""Packages by their ordinary clients: how training fetches its sources, and the benchmarks theirs."""

from evaluation.packages.archives import Unavailable, unpack_tar
from evaluation.packages.clients import Package, debian_sources, fetch

__all__ = ["Package", "Unavailable", "debian_sources", "fetch", "unpack_tar"]
