"""The code desk: what is done to codes between encoder and decoder, one effect in each file.

    sent codes ─ channel ─ bend ─ slices ─ echo ─ freeze ─ layer gains ─ sum ─ decoder ─ guard

`desk.Desk` is the whole of it.
"""
