"""What is checked, in the one form that every check takes."""
