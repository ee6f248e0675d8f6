"""Status as a pure function of the previous status, the report and the time."""
