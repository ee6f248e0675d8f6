"""A simulator of Okta's management API with its quirks, and of the agent that pushes SCIM.

A server of its own: may import errors, clock, settings, logs and transport."""
