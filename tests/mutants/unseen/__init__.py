"""Mistakes in code of other kinds than a course's layers, written before any diagnosis was looked at.

`python -m tests.mutants.unseen` reports how many the checker names.
"""
