"""Everything that can be set: kinds of parameters, their table, settings, and what moves them."""
