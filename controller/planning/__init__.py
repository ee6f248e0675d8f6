"""Pure functions from what is declared and what was read to a plan.

No I/O, no clock, no logging. May import errors, model and api. Complete branch coverage."""
