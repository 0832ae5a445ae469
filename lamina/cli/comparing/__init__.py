"""Commands that put codecs beside each other."""
