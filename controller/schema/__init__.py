"""Validation, defaulting, pruning and CEL over Kubernetes structural schemas.

Neutral: used by the embedded Kubernetes API and by `scimctl validate`; knows no kind of ours.
May import errors."""
