"""Bytes of files, believed once they are proved. NumPy, never JAX."""
