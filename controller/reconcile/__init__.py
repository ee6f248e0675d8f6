"""The loop: desired, observe, plan, apply, report; and the queue that decides when.

Knows neither kopf nor Kubernetes: the operator brings resources in and carries status out."""
