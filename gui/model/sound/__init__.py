"""What is heard, played and recorded."""
