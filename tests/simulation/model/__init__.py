"""What must be true of a world, computed from what its servers answer over HTTP. Imports nothing of `controller`."""
