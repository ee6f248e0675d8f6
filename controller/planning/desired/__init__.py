"""From resources to the desired state: references, conflicts, profiles, attributes and their expressions,
rotation of tokens."""
