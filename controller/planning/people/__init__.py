"""Whose account is whose, and what each person's account needs."""
