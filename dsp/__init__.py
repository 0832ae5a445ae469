"""Real-time signal plumbing on numpy: resampling, frame bridge, delay lines, ramps, spectrum and level analysis."""
