"""The Kubernetes API as the operator uses it: client, paths, watches of definitions, leader election, stored
state.

Knows no kopf and nothing of what is reconciled."""
