"""Packages that were held back while the checker was written: cases for one look at the end."""
