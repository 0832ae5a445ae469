"""Three short sounds that come with Lamina; `items` lists them, docs/demo-items.md credits them."""
