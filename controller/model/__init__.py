"""Frozen values that every floor shares: people, actions, plans, what was read.

Pure: no I/O, no clock, no logging. May import errors only."""
