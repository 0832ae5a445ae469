"""What a model is on disk: files, hashes, weights in bytes, and those of one's own."""
