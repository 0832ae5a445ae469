"""The live engine: devices, transport, and the process that plays."""
