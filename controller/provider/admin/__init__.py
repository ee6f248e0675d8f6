"""The admin API: what an organization's administrators do in the SaaS's admin center, as HTTP calls.

From the ground up: calls (what every handler is given, and how it refuses), settings and people (the
handlers), routes (which path is whose), openapi (the document made of routes), api (a request into an
answer).
"""
