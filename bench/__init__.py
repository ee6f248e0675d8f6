"""Measurements: figures with their bounds, never asserted by a timed test. `make bench` runs them."""
