"""The API reference: fnet's docstrings as a static site."""
