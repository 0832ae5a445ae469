"""The sounds of a test in a live engine: one of them is heard, and goes over into another without a click."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from lamina.cli.answers import shown
from lamina.cli.listening.keys import CLEARED

if TYPE_CHECKING:
    from lamina.plugin.host.client.live_engine import LiveEngine
    from lamina.plugin.host.transport.comparison import ComparedFiles
    from lamina.plugin.listening.plans import Prepared

START_SECONDS = 20.0


class Player:
    """Plays the versions of one of a test's sounds, silent until one is asked for.

    Args:
        engine: with the devices it plays on.
        items: for each sound the keys of its versions, and their files.
    """

    def __init__(self, engine: LiveEngine, items: Mapping[str, tuple[list[str], ComparedFiles]]) -> None:
        self._engine, self._items = engine, items
        self._item = ""
        self.is_playing = False
        self.show(next(iter(items)))

    def show(self, item: str) -> None:
        """Go over to this sound; nothing is heard until one of its versions is asked for. Raises EngineError."""
        if item != self._item:
            self._item, self.is_playing = item, False
            self._engine.compare(self._items[item][1]).result(START_SECONDS)

    def hear(self, key: str) -> None:
        """Hear a version of the sound. Raises EngineError."""
        self._engine.hear_compared(self._items[self._item][0].index(key)).result(START_SECONDS)
        if not self.is_playing:
            self.toggle()

    def toggle(self) -> None:
        """Play, or pause. Raises EngineError."""
        self.is_playing = not self.is_playing
        self._engine.play_compared(self.is_playing).result(START_SECONDS)

    def stop(self) -> None:
        """Play no more. Raises EngineError."""
        if self.is_playing:
            self.toggle()

    def is_alive(self) -> bool:
        """Tells what the engine has to say; False once it can't be kept alive."""
        for event in self._engine.take_events():
            if event["event"] == "message":
                print(f"{CLEARED}lamina: {shown(event['text'])}", file=sys.stderr)
            elif event["event"] == "gone":
                return False
        return True


@contextlib.contextmanager
def open_player(prepared: Prepared, folder: Path, options: argparse.Namespace) -> Iterator[Player]:
    """A player of all the test's sounds, with their samples in this folder. Raises EngineError if it can't be."""
    import numpy as np

    from lamina.plugin.host.client.live_engine import LiveEngine
    from lamina.plugin.host.client.session_file import devices_of_last_time
    from lamina.plugin.host.device.device_settings import NONE
    from lamina.plugin.host.transport.comparison import ComparedFiles

    settings, trouble = devices_of_last_time()
    if trouble:
        print(f"lamina: {trouble}", file=sys.stderr)
    settings = settings.changed(input=NONE, **({"output": options.output} if options.output is not None else {}))
    items = {}
    for number, (item, row) in enumerate(prepared.sounds.items()):
        keys = sorted(row)
        files = tuple(folder / f"{number}-{place}.npy" for place in range(len(keys)))
        for key, file in zip(keys, files, strict=True):
            np.save(file, row[key].samples, allow_pickle=False)
        items[item] = keys, ComparedFiles(files, row[keys[0]].sample_rate)
    with LiveEngine(opens=False) as engine:
        engine.set_devices(settings).result(START_SECONDS)
        yield Player(engine, items)
