"""Factory presets: JSON files, one per preset. Data only; `lamina.plugin.documents.presets` reads them."""
