"""The codec at work: on blocks, on frames, on whole pieces, and what it reports of each frame."""
