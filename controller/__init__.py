"""Okta to SaaS provisioning declared as Kubernetes resources.

The rooms, from the ground floor up; each imports only what stands above it in this list:
errors, clock; settings, logs, metrics; model; transport, api, schema; okta, scim, planning; targets;
reconcile; kube; operator, provider; cli. import-linter holds it (pyproject.toml).
"""

__version__ = "0.1.0"
