"""What is trained on: read, checked, packed, drawn and changed."""
