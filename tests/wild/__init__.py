"""Gradients in public packages, and what the checker says of them."""
