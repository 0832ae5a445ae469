"""What computes a model's networks: the compiled core, or ONNX Runtime."""
