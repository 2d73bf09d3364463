"""How long "at once" may take in a test."""

PROMPTLY = 3.0
"""Seconds. Users are promised one, on a machine that is at rest; tests share two cores with a browser and each other.
What does not end by itself takes far longer than this."""
