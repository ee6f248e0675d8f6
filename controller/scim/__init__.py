"""SCIM 2.0 on the wire, and the admin API of the bundled provider.

May import errors, clock and transport; knows nothing of resources or plans."""
