"""A small Kubernetes API server in memory, enough for kubectl, kopf and helm.

A server of its own: may import errors, clock, settings, logs, transport and schema."""
