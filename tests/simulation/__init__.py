"""A judge of our own: the true code in simulated worlds, each replayable from its seed. See docs/testing.md."""

import os

from tests.simulation.planted import VARIABLE, plant

if os.environ.get(VARIABLE):  # before anything of the true code is imported
    plant(os.environ[VARIABLE])
