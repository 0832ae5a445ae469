"""Small random models of other shapes than the shipped one's. Needs torch."""

from pathlib import Path

import torch

from lamina.models.config import CodecConfig, MemoryConfig, TransformConfig
from lamina.models.export import export_bundle
from lamina.models.network.network import CodecNetwork

SMALL = TransformConfig(width=32, encoder_blocks=1, decoder_blocks=1)
MEMORY = MemoryConfig(
    past=1200, width=32, predictor_blocks=1, sketch_blocks=1, loop_layers=3, from_layers=2, fine_lags=32, coarse_lags=32
)
CONFIGS = {
    "sixteen": CodecConfig(sample_rate=48_000, frame=640, latent=32, code_width=16, layers=16, transform=SMALL),
    "four": CodecConfig(frame=1920, latent=32, code_width=16, layers=4, codebook_size=64, transform=SMALL),
    "remembering": CodecConfig(
        frame=480, latent=32, code_width=16, layers=5, codebook_size=128, transform=SMALL, memory=MEMORY
    ),
    "forty": CodecConfig(latent=32, code_width=16, layers=40, codebook_size=32, transform=SMALL),
}


def other_model(name: str, folder: Path) -> str:
    """The folder of a new random bundle of the shape `name`."""
    torch.manual_seed(1)
    network = CodecNetwork(CONFIGS[name])
    with torch.no_grad():
        for quantizer in network.quantizers:
            quantizer.codebooks.normal_(0, 0.3)
    return str(export_bundle(network, folder / name, name, {}, "a card").path)
