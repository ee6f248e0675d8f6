"""The loop: desired, observe, plan, apply, report; and the queue that decides when.

Knows neither kopf nor Kubernetes: handlers bring resources in and carry status out."""
