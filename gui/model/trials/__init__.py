"""Blind tests of slots: beginning them, taking them, going on with one that was left, and what they came to."""
