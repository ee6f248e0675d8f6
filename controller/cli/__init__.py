"""scimctl: a file for each command.

Composes everything below; nothing imports it."""
