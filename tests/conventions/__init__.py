"""Whose convention is which, of PyTorch, Keras and optax: `python -m tests.conventions`."""
