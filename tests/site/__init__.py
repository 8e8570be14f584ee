"""The reference: fnet's docstrings as a static site."""
