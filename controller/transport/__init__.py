"""The only importer of httpx: sessions, the request budget of an org, and what is safe to retry.

May import errors, clock, settings, logs and metrics."""
