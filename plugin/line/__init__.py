"""The line: an encoder here, a decoder there, and packets that may get lost between them."""
