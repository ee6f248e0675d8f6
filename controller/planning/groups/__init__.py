"""The provider's groups: the mapping table, memberships, and the preview of what a mapping does."""
