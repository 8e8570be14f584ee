"""Gradients that are right, drawn many times over: the checker must call none of them wrong."""
