"""The codec in torch, for training and export."""
