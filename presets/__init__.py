"""Factory presets: JSON files, one per preset. Data only; `lamina.plugin.presets` reads them."""
