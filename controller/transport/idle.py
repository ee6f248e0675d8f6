"""How long an idle connection is kept: by our clients less long than by servers, by our servers longer than
by clients. One that is closed under a request leaves a write without an answer.

Used by session and by what runs a server: cli.serve and sandbox.serving.
"""

from __future__ import annotations

CLIENT_SECONDS = 4.0
"""Common servers close an idle connection after five."""
SERVER_SECONDS = 75
"""Proxies keep one for a minute by default (nginx: keepalive_timeout of an upstream; AWS: idle timeout)."""
