"""Layer counts and bitrates in words."""


def layers_text(n_layers: int) -> str:
    """ "1 layer", "8 layers"."""
    return f"{n_layers} layer" if n_layers == 1 else f"{n_layers} layers"


def kbps_text(kbps: float) -> str:
    """ "6.0 kbps", "0.75 kbps": one decimal, two where one would round."""
    return f"{kbps:.1f} kbps" if abs(kbps * 10 - round(kbps * 10)) < 1e-6 else f"{kbps:.2f} kbps"
