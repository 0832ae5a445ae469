"""Codes: searched, compared, and coded shorter."""
