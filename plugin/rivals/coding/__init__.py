"""How rivals code: packets through FFmpeg's codecs, streams of blocks, whole pieces, and other people's programs."""
