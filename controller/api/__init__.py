"""What users write: the custom resources as pydantic models, and the CRDs made of them.

Pure. May import errors and model. Field docstrings are what `kubectl explain` shows."""
