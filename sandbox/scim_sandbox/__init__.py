"""A world on loopback: the simulated Okta, the embedded Kubernetes API, the provider, and the demo.

run and demo compose; the two servers in the folders below know nothing of the operator."""
