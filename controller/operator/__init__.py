"""The operator as kopf runs it: events in, status out.

The only importer of kopf. `main` puts it together; `informer` is what kopf calls; `event_router` decides
what an event means, `store` keeps what was seen, `reconciler` runs one key, `status_writer` writes what came
of it."""
