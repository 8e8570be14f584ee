"""Explanations of a wrong gradient, each of which predicts its numbers."""
