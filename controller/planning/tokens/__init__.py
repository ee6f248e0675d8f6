"""Credentials that the operator issues, renews and revokes."""
