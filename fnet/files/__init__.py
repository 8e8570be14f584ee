"""File formats, verified before they are trusted. NumPy, never JAX."""
