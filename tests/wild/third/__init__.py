"""Packages of another kind than those before: finite elements, fields, ranks, option prices.

Their cases were written before the checker was run on any of them: a third first look."""
