"""Names of other frameworks for what is here."""
