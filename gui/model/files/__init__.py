"""What is open, and what is written."""
