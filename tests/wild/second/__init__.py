"""Packages that neither the other cases nor the held ones know: cases for a second first look."""
