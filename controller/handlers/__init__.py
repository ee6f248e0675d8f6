"""The only importer of kopf and of the Kubernetes client: events in, status out.

May import everything below; the provider beside it is another process and stays unknown."""
