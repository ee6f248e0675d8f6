"""The bundled SCIM 2.0 provider: a server of its own that knows nothing of the operator.

May import errors, clock, settings, logs and transport."""
