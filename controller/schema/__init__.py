"""Validation, defaulting, pruning and CEL over Kubernetes structural schemas.

Neutral: used by the embedded Kubernetes API and by `scimctl validate`; knows no kind of ours, reads no
file, keeps no state. May import errors. Behaviour and wording follow k8s.io/apiextensions-apiserver and
k8s.io/kube-openapi (1.36), so that what passes here passes there.

2026-11: CEL is evaluated by common-expression-language (the Rust `cel` crate): RE2-like `matches`,
heterogeneous equality and short-circuiting as in Kubernetes, some thirty times faster than cel-python.
What it lacks of the Kubernetes library is registered by `functions`."""

from controller.schema.findings import Finding, SchemaError
from controller.schema.structural import Structural, compile_schema

__all__ = ["Finding", "SchemaError", "Structural", "compile_schema"]
