"""What is looked at of a subject, one kind of question a file."""
