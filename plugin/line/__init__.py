"""The line: an encoder here and a decoder there, joined by a network."""
