"""Pictures of what a sound holds, as PNG: time to the right, pitch upwards, level as colour."""

from __future__ import annotations

import io

import numpy as np

from lamina.dsp.arrays import FloatArray
from lamina.dsp.spectrum import SpectrumColumns, hz_to_mel, mel_edges

N_BANDS = 160
MOST_COLUMNS = 900
HIGHEST_HZ = 20_000.0
RANGE_DB = 80.0
TICKS_HZ = (100, 500, 1_000, 2_000, 5_000, 10_000, 20_000)
_COLOURS = np.array(
    [
        (0.00, 8, 10, 22),
        (0.25, 48, 30, 98),
        (0.50, 140, 48, 110),
        (0.70, 222, 88, 74),
        (0.87, 250, 166, 58),
        (1.00, 255, 244, 196),
    ]
)
"""Place and red, green, blue: darker is softer, and so it is for eyes that don't tell colours apart."""


def columns_db(samples: FloatArray, sample_rate: int) -> FloatArray:
    """Levels in dBFS, `[n_columns, bands]`, of float32 `[channels, samples]`."""
    seconds = samples.shape[1] / sample_rate
    spectrum = SpectrumColumns(
        sample_rate, len(samples), mel_edges(N_BANDS, 0.0, highest_hz(sample_rate)), min(150.0, MOST_COLUMNS / seconds)
    )
    return spectrum.push(samples)


def picture(levels_db: FloatArray, top_db: float) -> bytes:
    """Levels as a PNG, from `top_db` (brightest) down over 80 dB."""
    shares = np.clip(1 + (levels_db.T[::-1] - top_db) / RANGE_DB, 0, 1)
    rgb = np.stack([np.interp(shares, _COLOURS[:, 0], _COLOURS[:, place]) for place in (1, 2, 3)], axis=-1)
    return _png(np.rint(rgb).astype(np.uint8))


def highest_hz(sample_rate: int) -> float:
    """The picture's upper edge."""
    return min(HIGHEST_HZ, sample_rate / 2)


def ticks(sample_rate: int) -> list[tuple[str, float]]:
    """Frequencies beside the picture, and how far up they stand, 0 … 1."""
    top = float(hz_to_mel(highest_hz(sample_rate)))
    return [
        (f"{hz // 1000} kHz" if hz >= 1000 else f"{hz} Hz", float(hz_to_mel(hz)) / top)
        for hz in TICKS_HZ
        if hz <= 0.95 * highest_hz(sample_rate)
    ]


def _png(rgb: np.ndarray) -> bytes:
    import av

    file = io.BytesIO()
    with av.open(file, "w", format="image2pipe") as container:
        stream = container.add_stream("png", rate=1)
        stream.height, stream.width = rgb.shape[:2]
        stream.pix_fmt = "rgb24"
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24")
        for packet in (*stream.encode(frame), *stream.encode(None)):
            container.mux(packet)
    return file.getvalue()
