"""How the postfilter's network is trained: `python -m lamina.models.training.postfilter --help`."""
