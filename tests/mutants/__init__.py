"""Gradients that are wrong on purpose: who catches them, and what is said of them."""
