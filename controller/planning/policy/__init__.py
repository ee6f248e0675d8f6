"""What of a plan may run now, and why the rest may not: safeguards, approvals, absences that need a second
reading."""
