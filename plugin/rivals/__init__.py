"""Other codecs as effects, to be heard and measured beside Lamina: one file for each, and a registry of them all."""
