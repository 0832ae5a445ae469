"""What the app loads beside its window: sound files, the codec, the sound devices, demo items and presets."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from tempfile import gettempdir
from typing import Any

from lamina.gui.background import Background
from lamina.gui.model.files.codes_document import is_codes, open_codes
from lamina.gui.model.files.document import Document
from lamina.gui.model.files.own_presets import OwnPresets
from lamina.gui.model.kept_session import QUICK_BYTES, KeptDocument, KeptSession
from lamina.gui.model.session import GONE_REMARK, Notice, Session
from lamina.gui.model.values.desk import presettable
from lamina.gui.model.values.observable import Observable
from lamina.gui.widgets.frame.header import Header
from lamina.models.leftovers import remove_leftovers, temporary_folder
from lamina.plugin import DEFAULT_BUNDLE, survey_bundles
from lamina.plugin.host.device.devices import probe_devices

LONG_SECONDS = 0.4
CUT_OFF = "Lamina ended unexpectedly last time."
AS_THEY_WERE = "The settings of A and B and the sound devices are as they were."
AFRESH = "Start afresh"
AFRESH_HELP = "Every setting of A and B at its default; the file stays open."


class Loader:
    """Runs the slow work of a session in the background and hands the results over in Qt's thread.

    `devices` is a background of its own for asking about sound devices; `kept` what the last session left behind.
    `opened` passes each file of the user's that was opened.
    """

    def __init__(
        self, session: Session, background: Background, devices: Background, kept: KeptSession | None = None
    ) -> None:
        self.opened: Observable[[Path]] = Observable()
        self._session, self._kept = session, kept
        self._background, self._devices = background, devices
        self._codec_error = ""
        self._model_wanted = ""
        self._opening: Path | None = None
        self._share_opened: float | None = 0.0
        self._opening_since = 0.0
        self._first_model = DEFAULT_BUNDLE
        self._opening_preset: Path | None = None
        self._is_bringing_back = False
        self._decoded: Path | None = None
        self._temporary = ExitStack()
        self._n_decoded = 0
        self._brought_back = ""
        self._header: Header | None = None
        self.own_presets = OwnPresets()
        self.folder = str(Path.home())

    def start(self, file: Path | None, header: Header, model: str | None = None) -> None:
        """Everything the app needs after its window is there, what the user sees first before the rest."""
        remove_leftovers(Path(gettempdir()))
        self._first_model = model or DEFAULT_BUNDLE
        self.find_devices()
        if self._kept is None or not self._kept.has_left or not self._kept.is_large:
            self._go_on(file, header, model, None)
            return

        def done(read: Any) -> None:
            self._is_bringing_back = False
            self._go_on(file, header, model, read)

        self._is_bringing_back = True
        self._background.run(self._kept.read_boards, done, self._fail)

    def _go_on(self, file: Path | None, header: Header, model: str | None, read: Any) -> None:
        """As `start`, with the boards of the last session if they had to be `read` beside the window."""
        left, is_restored = None, False
        if self._kept is not None and self._kept.has_left:
            trouble = self._kept.restore_boards(read)
            is_restored = not trouble
            self._session.history.forget()
            self._brought_back = " ".join(filter(None, (trouble or AS_THEY_WERE, self._kept.restore_compared())))
            if self._kept.is_unfinished:
                self._brought_back = f"{CUT_OFF} {self._brought_back}"
            left = self._kept.document if file is None else None
            if left is not None and not left.path.is_file():
                self._brought_back, left = f"{self._brought_back} {left.title} isn't there any more.", None
        self._background.run(
            _demos, lambda items: self._take_demos(items, file is not None or left is not None, header), self._fail
        )
        if file is not None:
            self.open(file)
        elif left is not None:
            self._open_again(left)
        self._header = header
        self.find_presets()
        if model is not None or not is_restored:
            self._background.run(lambda: _codec(model), self._session.use_codec, self._fail_codec)
        if left is None:
            lost = self._kept.lost if self._kept is not None else ""
            if self._brought_back:
                self._tell_brought_back(f"{self._brought_back} {lost}".strip())
            elif lost:
                self._session.noticed.notify(Notice(lost))
        self.find_models(header)

    def open(self, path: Path, title: str | None = None, then: Callable[[], object] | None = None) -> None:
        """Reads a sound file, or decodes a `.lamina` file, and shows it.

        Then does `then`; a bad file is refused with a notice.
        """
        self._opening, self._share_opened = path, None if is_codes(path) else 0.0
        self._opening_since = time.monotonic()

        def cancelled() -> bool:
            # The last wish counts: a file asked for later, or the end of the app, overtakes one that is being read.
            return self._background.is_closed or self._opening is not path

        def progressed(share: float) -> None:
            self._share_opened = share

        def done(document: Document) -> None:
            if self._opening is path:
                self._opening = None
                if title is None:
                    self.folder = str(path.resolve().parent)
                    self._clear(Path(self.folder))
                    self.opened.notify(path)
                self._session.show(document)
                if then is not None:
                    then()
                if document.trouble:
                    self._session.noticed.notify(Notice(document.trouble, is_error=True))

        def failed(error: Exception) -> None:
            if self._opening is path:
                self._opening = None
                self._fail(error)

        if is_codes(path):
            codec = self._session.codec
            target, model = self._decoded_target(), codec.model if codec is not None else self._first_model
            self._background.run(lambda: open_codes(path, target, model, title, cancelled), done, failed)
        else:
            self._background.run(lambda: Document.open(path, title, progressed, cancelled), done, failed)

    def _clear(self, folder: Path) -> None:
        """Remove what an export left there whose app was killed: this is where exports go, and where they went."""
        self._background.run(lambda: remove_leftovers(folder), lambda _: None, self._fail)

    def cancel_open(self) -> None:
        """Doesn't open what is being opened; what is open stays."""
        if self._opening is not None:
            name, self._opening = self._opening.name, None
            self._session.noticed.notify(Notice(f"{name} was not opened."))

    @property
    def is_opening(self) -> bool:
        """Whether a file is being read or decoded."""
        return self._opening is not None

    @property
    def is_opening_long(self) -> bool:
        """Whether it takes so long that the wait is worth a word."""
        return self.is_opening and time.monotonic() - self._opening_since > LONG_SECONDS

    @property
    def share_opened(self) -> float | None:
        """How far the file that is being opened is, 0–1; None while nobody knows."""
        return self._share_opened

    def close(self) -> None:
        """Takes what was decoded away. After the engine's end: it plays from there."""
        self._temporary.close()
        self._decoded = None

    def find_devices(self) -> None:
        """Looks for sound devices, beside everything else that is loaded.

        A sound system that hangs must not hold that up.
        """
        if self._devices.is_busy:
            return
        chooser = self._session.devices
        self._devices.run(
            probe_devices, chooser.use_devices, lambda error: chooser.fail(f"{error} Play runs silently.")
        )

    def find_models(self, header: Header) -> None:
        """Looks for models and shows them; damaged ones are shown as such."""
        self._background.run(survey_bundles, header.show_models, self._fail)

    def choose_model(self, name: str, then: Callable[[], None] | None = None) -> None:
        """Plays through another model at the same place with the same settings, then does `then`.

        If the model can't be used, a notice says why, the present one stays and nothing else is done. The last wish
        counts.
        """
        self._model_wanted = name

        def done(codec: Any) -> None:
            if self._model_wanted == name:
                self._codec_error = ""
                # What is done then is one step with it.
                self._session.history.press()
                self._session.use_codec(codec)
                if then is not None:
                    then()
                self._session.history.release()

        def failed(error: Exception) -> None:
            if self._model_wanted == name:
                self._fail(ValueError(f"The model {name} can't be used: {error}"))

        self._background.run(lambda: _codec(name), done, failed)

    def start_afresh(self) -> None:
        """Sets both boards to their defaults, which can be undone."""
        boards = self._session.boards
        if boards.state.codec is None:
            return
        try:
            boards.reset()
        except (ValueError, OSError) as error:
            # The model's folder may have gone meanwhile.
            self._fail(error)

    def _tell_brought_back(self, text: str) -> None:
        self._session.noticed.notify(Notice(text, tip=AFRESH_HELP, action=(AFRESH, self.start_afresh)))

    def open_preset(self, path: Path) -> None:
        """Applies a preset file, with the model it names if it names one, or says what is wrong with it."""
        if not path.is_file() or path.stat().st_size <= QUICK_BYTES:
            try:
                preset = _preset(path)
            except (ValueError, TypeError, OSError) as error:
                self._fail(error)
                return
            self._take_preset(path, preset)
            return

        def done(preset: Any) -> None:
            if self._opening_preset is path:  # the last wish counts
                self._opening_preset = None
                self._take_preset(path, preset)

        def failed(error: Exception) -> None:
            if self._opening_preset is path:
                self._opening_preset = None
            self._fail(error)

        self._opening_preset = path
        self._background.run(lambda: _preset(path), done, failed)

    def _take_preset(self, path: Path, preset: Any) -> None:
        self._opening_preset = None
        self._list_preset(path)
        codec = self._session.codec
        if preset.model is None or (codec is not None and codec.model == preset.model):
            self._session.apply_preset(preset)
        else:
            self.choose_model(preset.model, then=lambda: self._session.apply_preset(preset))

    def save_preset(self, path: Path) -> None:
        """Saves the present settings as a preset file, or says why that can't be."""
        from lamina.plugin.documents.presets import save_preset

        path = path if path.suffix.lower() == ".json" else path.with_name(f"{path.name}.json")
        values = presettable(self._session.parameters)
        codec = self._session.codec
        model = codec.model if codec is not None and codec.model != DEFAULT_BUNDLE else None
        try:
            save_preset(path, path.stem, values, model=model)
        except (ValueError, TypeError, OSError) as error:
            self._fail(error)
            return
        self._session.boards.named(path.stem)
        self._session.noticed.notify(Notice(f"Saved the preset {path.name}", file=path))
        self._list_preset(path)

    def find_presets(self) -> None:
        """Looks for the presets, Lamina's and the user's own, and shows them."""
        header = self._header
        if header is not None:
            self._background.run(
                lambda: (_presets(), self.own_presets.found(), self.own_presets.favourites),
                lambda found: header.show_presets(*found),
                self._fail,
            )

    def _list_preset(self, path: Path) -> None:
        """Has a preset file in the menu from now on."""
        try:
            self.own_presets.remember(path)
        except OSError as error:
            self._fail(OSError(f"{path.name} can't be kept in the list of presets: {error.strerror or error}."))
        self.find_presets()

    # Words for the window.

    def why_not_playable(self) -> str:
        """What is missing before anything can be played."""
        if self._session.is_gone:
            return GONE_REMARK
        if self._codec_error:
            return self._codec_error
        if self._opening is not None:
            return self.opening_words()
        if self._background.is_busy:
            return "Still loading; it will only take a moment."
        return "Open a sound file first: Ctrl+O, or drop one on the window."

    def opening_words(self) -> str:
        """What is being opened and how far it is, or nothing."""
        if self._opening is None:
            return ""
        share = f"  {100 * self._share_opened:.0f} %" if self._share_opened is not None else ""
        return f"{'Opening' if share else 'Decoding'} {self._opening.name}…{share}"

    def remark(self) -> str:
        """The status line's sentence."""
        if self._session.is_gone:
            return GONE_REMARK
        if self._opening is not None:
            return self.opening_words()
        if self._is_bringing_back:
            return "Bringing back A and B as they were…"
        if self._opening_preset is not None:
            return f"Opening {self._opening_preset.name}…"
        if self._codec_error:
            return self._codec_error
        if self._session.codec is None:
            return "Loading the codec…"
        session = self._session
        if session.devices.remark:
            return session.devices.remark
        if session.is_live:
            source = "Live and the file" if session.is_playing else "Live"
            return source if session.hears_input else f"{source}: waiting for the input"
        return "Playing" if session.is_playing else "Ready"

    @staticmethod
    def readable_filter() -> str:
        """The open dialog's filter."""
        from lamina.plugin.codes_file.file import SUFFIX
        from lamina.plugin.files.sound import READABLE_SUFFIXES

        return (
            f"Sound files and codes ({' '.join(f'*{s}' for s in (*sorted(READABLE_SUFFIXES), SUFFIX))});;All files (*)"
        )

    @staticmethod
    def writable_filter() -> str:
        """The export dialog's filter."""
        from lamina.plugin.codes_file.file import SUFFIX
        from lamina.plugin.files.sound import WRITABLE_SUFFIXES

        return f"Sound files ({' '.join(f'*{s}' for s in sorted(WRITABLE_SUFFIXES))});;Lamina codes (*{SUFFIX})"

    def _decoded_target(self) -> Path:
        """Where the next file of codes is decoded to."""
        if self._decoded is None:
            self._decoded = self._temporary.enter_context(temporary_folder(Path(gettempdir()), "decoded"))
        self._n_decoded += 1
        return self._decoded / f"decoded-{self._n_decoded}.wav"

    def _open_again(self, left: KeptDocument) -> None:
        """Opens what was open at the end of the last session."""

        def then() -> None:
            assert self._kept is not None
            self._kept.restore_place(left)
            self._session.history.forget()
            self._tell_brought_back(f"{self._brought_back} {left.title} is open again. {self._kept.lost}".strip())

        self._clear(left.path.resolve().parent)
        self.open(left.path, left.title, then)

    def _take_demos(self, items: list[Any], has_file: bool, header: Header) -> None:
        header.show_demos(items)
        if not has_file and items:
            self.open(items[0].path, items[0].title)

    def _fail(self, error: Exception) -> None:
        self._session.noticed.notify(Notice(str(error), is_error=True))

    def _fail_codec(self, error: Exception) -> None:
        self._codec_error = f"The codec can't be loaded: {error}"
        self._fail(RuntimeError(self._codec_error))


def _demos() -> list[Any]:
    from lamina.plugin.demo_items.items import demo_items

    return list(demo_items())


def _presets() -> list[Any]:
    from lamina.plugin.documents.presets import list_presets

    return list(list_presets())


def _preset(path: Path) -> Any:
    """A preset file with its settings worked out: where much is drawn, that takes a while."""
    from lamina.plugin.documents.presets import load_preset

    preset = load_preset(path)
    preset.settings()
    return preset


def _codec(model: str | None = None) -> Any:
    from lamina.plugin import NeuralCodec

    return NeuralCodec(model=model or DEFAULT_BUNDLE)
