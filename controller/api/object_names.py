"""What Kubernetes takes for the name of an object, of a namespace, of a key in a Secret or ConfigMap.

The rules are those of the API server (k8s.io/apimachinery, pkg/util/validation: IsDNS1123Subdomain,
IsDNS1123Label, IsConfigMapKey). They stand here once: as patterns in the schema and the models, and as
questions for the code that builds a path of the API from a name.
"""

from __future__ import annotations

import re
from typing import Annotated, Final

from pydantic import Field

LONGEST_NAME: Final = 253
LONGEST_LABEL: Final = 63
_LABEL: Final = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
NAME_PATTERN: Final = rf"^{_LABEL}(\.{_LABEL})*$"
NAMESPACE_PATTERN: Final = rf"^({_LABEL})?$"
"""Or nothing at all: a template that leaves the field empty means this namespace."""
KEY_PATTERN: Final = r"^\.?[-_a-zA-Z0-9][-._a-zA-Z0-9]*$"
"""Not `.`, not `..`, and nothing that begins with two dots."""

ObjectName = Annotated[str, Field(min_length=1, max_length=LONGEST_NAME, pattern=NAME_PATTERN)]
NamespaceName = Annotated[str, Field(max_length=LONGEST_LABEL, pattern=NAMESPACE_PATTERN)]
DataKey = Annotated[str, Field(min_length=1, max_length=LONGEST_NAME, pattern=KEY_PATTERN)]

HINTS: Final = {
    NAME_PATTERN: "is not the name of a Kubernetes object: use lower-case letters, digits, '-' and '.', "
    "beginning and ending with a letter or digit",
    NAMESPACE_PATTERN: "is not the name of a namespace: use lower-case letters, digits and '-', "
    "beginning and ending with a letter or digit",
    KEY_PATTERN: "is not a key of a Secret or ConfigMap: use letters, digits, '-', '_' and '.', "
    "not beginning with '..'",
}
"""What is wrong with a text that a pattern refuses, and what to write instead."""


def is_object_name(text: str) -> bool:
    """Whether `text` is a DNS-1123 subdomain (RFC 1123), as nearly every object's name is."""
    return len(text) <= LONGEST_NAME and re.fullmatch(NAME_PATTERN[1:-1], text) is not None


def is_namespace_name(text: str) -> bool:
    """Whether `text` is a DNS-1123 label (RFC 1123)."""
    return len(text) <= LONGEST_LABEL and re.fullmatch(_LABEL, text) is not None
