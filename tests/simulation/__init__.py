"""A judge of our own: the true code in simulated worlds, each replayable from its seed. See docs/testing.md."""
