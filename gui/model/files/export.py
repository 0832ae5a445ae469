"""Rendering the open file to a new one, or to codes, in the background, with progress and a way out."""

import threading
from collections.abc import Callable
from enum import Enum
from pathlib import Path

from lamina.gui.model.files.codes_document import is_codes
from lamina.plugin import NeuralCodec
from lamina.plugin.files.sound import check_target

LONGEST_WAIT_SECONDS = 5.0


class ExportState(Enum):
    """How far an export is."""

    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"


def suggested_target(source: Path, kbps: float, folder: Path) -> Path:
    """A name in `folder` that says the bitrate, as a lossless file.

    What the codec made shouldn't be coded again unasked.
    """
    suffix = source.suffix.lower() if source.suffix.lower() in {".wav", ".flac", ".aiff"} else ".wav"
    return folder / f"{source.stem} {kbps:g} kbps{suffix}"


class ExportJob:
    """One export in its own thread.

    make_effect: called in that thread for an effect of its own, so that the export and the playing don't share state.
    source: the sound file.
    target: a sound file to render to, or a `.lamina` file for what is sent of the sound.
    opened: what the user opened, if that is another file than `source`; it isn't written over.
    two_pass: plan the layers of the whole file first, so that hard frames get more of them than easy ones.

    `progress` (0–1, None while nobody knows), `state` and `message` may be read from any thread. Raises AudioFileError
    or ContainerError (both ValueErrors) with a sentence for a target that can't be written or is the source itself;
    nothing has been touched then.
    """

    def __init__(
        self,
        make_effect: Callable[[], NeuralCodec],
        source: Path,
        target: Path,
        opened: Path | None = None,
        two_pass: bool = False,
    ) -> None:
        _check(target, opened or source)
        self.source = source
        self.target = target
        self.progress: float | None = 0.0
        self.state = ExportState.RUNNING
        self.message = ""
        self._make_effect, self._two_pass = make_effect, two_pass
        self._cancel = threading.Event()
        self._thread = threading.Thread(target=self._run, name="lamina-export", daemon=True)

    def start(self) -> None:
        """Begins."""
        self._thread.start()

    def cancel(self) -> None:
        """Asks for the end; nothing is left of the target. `state` says when it has come."""
        self._cancel.set()

    def join(self) -> None:
        """Waits for the end, but not for long: what takes longer leaves nothing behind."""
        self._thread.join(LONGEST_WAIT_SECONDS)

    def _run(self) -> None:
        from lamina.plugin.files.render import RenderCancelled, render_file

        try:
            if is_codes(self.target):
                self._encode()
            else:
                render_file(
                    self._make_effect(),
                    self.source,
                    self.target,
                    progress=self._progressed,
                    cancelled=self._cancel.is_set,
                    two_pass=self._two_pass,
                )
        except RenderCancelled:
            self._end(ExportState.CANCELLED, "Export cancelled; nothing was written.")
        except Exception as error:
            self._end(ExportState.FAILED, f"Nothing was exported: {error}")
        else:
            self.progress = 1.0
            self._end(ExportState.DONE, f"Saved {self.target.name}")

    def _encode(self) -> None:
        from lamina.plugin.codes_file.coding import encode_file

        encode_file(
            self._make_effect(),
            self.source,
            self.target,
            entropy=True,
            progress=self._progressed,
            cancelled=self._cancel.is_set,
            two_pass=self._two_pass,
        )

    def _progressed(self, fraction: float) -> None:
        self.progress = float(fraction)

    def _end(self, state: ExportState, message: str) -> None:
        self.message = message
        self.state = state


def _check(target: Path, source: Path) -> None:
    if not is_codes(target):
        check_target(target, source)
        return
    from lamina.plugin.codes_file.file import ContainerError, check_codes_target

    check_codes_target(target)
    if target.exists() and source.exists() and target.samefile(source):
        raise ContainerError(f"{target} is the file that is open. Choose another name for the result.")
