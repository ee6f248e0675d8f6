"""The app in Okta: its settings, its assignments, and what a person has to do in its admin console."""
