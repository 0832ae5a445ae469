"""The boards that play: slots that can fail, and switching without a click."""
