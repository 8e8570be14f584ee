"""The checks of a subject, one kind per file."""
