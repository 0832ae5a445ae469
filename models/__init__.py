"""What the codec is: configuration, layers, encoder, quantizer, decoder, and the torch-free runtime of shipped bundles.

`runtime` and `bundle` need numpy and ONNX Runtime only; `network`, `export` and `training` need torch.
"""
