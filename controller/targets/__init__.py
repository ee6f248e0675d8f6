"""What can be observed and changed: each target reads one part of the world and applies actions to it.

May import everything below reconcile. Observe never writes; apply believes no 2xx."""
