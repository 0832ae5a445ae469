"""Codecs beside each other on the same sounds: equally loud, aligned to the sample, measured, and in one report."""
