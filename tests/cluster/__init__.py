"""A real Kubernetes API server for tests: started, with the chart installed on it, and judged by itself.

It takes part where KUBEBUILDER_ASSETS names a folder with `kube-apiserver` and `etcd`, as Go's envtest does.
"""
