"""Okta's management API on the wire: raw JSON, about twenty calls, typed at the edge.

May import errors, clock and transport; knows nothing of resources or plans."""
