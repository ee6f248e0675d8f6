"""Where randomness comes from in a world: one seed. Ids, tokens and jitter of the true code included."""

from __future__ import annotations

import hashlib
import os
import random
import uuid
from random import Random
from typing import Any


def seed_everything(seed: int) -> None:
    """From here on this process draws everything from `seed`."""
    random.seed(seed)
    source = Random(f"urandom {seed}")

    def urandom(size: int) -> bytes:
        return source.randbytes(size)

    class Seeded(Random):
        """Random without a seed asks the system, below Python; this one asks `source`."""

        def __init__(self, x: Any = None) -> None:
            super().__init__(source.getrandbits(64) if x is None else x)

    random.Random = Seeded  # type: ignore[misc]
    random._urandom = urandom  # type: ignore[attr-defined]
    os.urandom = urandom
    uuid.uuid4 = lambda: uuid.UUID(bytes=urandom(16), version=4)


def dice(seed: int, *about: Any) -> Random:
    """A source of its own for each purpose, so that one more draw here changes nothing there."""
    text = "/".join(str(each) for each in (seed, *about))
    return Random(hashlib.sha256(text.encode()).digest())
