"""Worlds of this folder: a simulated org and the bundled provider in one process."""

from tests.contract.targets.conftest import opened

__all__ = ["opened"]
