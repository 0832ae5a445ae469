"""Three short sounds that come with Lamina; `lamina.plugin.demo` lists them, docs/demo-items.md credits them."""
