"""What the main window's views show: the session's state, when it changes, moves or is to be read."""

from collections.abc import Callable

from lamina.gui.loading import Loader
from lamina.gui.model.session import Session
from lamina.gui.model.values.heard import are_layers_heard, heard_word
from lamina.gui.model.values.sent import bits_of_all
from lamina.gui.views import Views
from lamina.gui.widgets.controls.tips import plain_tip


class Showing:
    """Brings a session's state to the views; nothing comes back from them here.

    Args:
        session, loader: what is shown, and what is being loaded.
        views: where.
        is_busy: says whether something is being loaded in the background.
    """

    def __init__(self, session: Session, loader: Loader, views: Views, is_busy: Callable[[], bool]) -> None:
        self._session, self._loader, self._views, self._is_busy = session, loader, views, is_busy

    def changed(self, what: str) -> None:
        """Show what the session says has changed, by its word for it; `tell` shows the rest."""
        session, views = self._session, self._views
        if what == "document":
            assert session.document is not None
            views.waveform.show_document(session.document)
            views.header.show_document(session.document.title, session.document.describe())
            views.spectra.let_go_of_clips()
            session.begin_whole()
            self._show_usage()
            views.notice.dismiss_error()
        elif what == "meters":
            views.spectra.show_meters(session.input_meter, session.output_meter)
        elif what == "codec":
            assert session.codec is not None
            views.controls.show_can_denoise(session.can_denoise, is_loaded=True)
            views.header.show_model(session.codec.model)
            views.spectra.show_codec_end(session.codec.bundle.config.sample_rate / 2)
            self._show_usage()
        elif what == "board":
            views.controls.show_board(session.boards.chosen, session.boards.other)
        elif what == "live":
            views.transport.show_live(session.is_live)
            views.spectra.show_live(session.is_live)
        elif what == "recording":
            self.recording()
        elif what == "loop":
            views.transport.show_looping(session.is_looping)
            views.waveform.show_loop(session.loop_seconds, session.is_looping)
        elif what == "preset":
            views.header.show_preset(session.boards.state.preset, session.boards.state.is_edited)
        self._show_can_play()

    def all(self) -> None:
        """Show what there is at the beginning; `tell` shows the rest."""
        listening = self._session.listening
        self._views.spectra.show_rings(listening.input_spectrogram.ring, listening.output_spectrogram.ring)
        self._views.controls.show_can_denoise(False, is_loaded=False)
        self._show_usage()
        self._show_can_play()

    def _show_usage(self) -> None:
        listening, codebooks = self._session.listening, self._views.stage.codebooks
        codebooks.usage.show_usage(listening.usage)
        codebooks.show_codes(listening.roll, listening.entropy)
        self.layers()

    def layers(self) -> None:
        """Show how many layers are sent, after a parameter has changed."""
        n_channels = self._session.document.n_channels if self._session.document is not None else 1
        self._views.controls.show_channels(n_channels)
        self._show_sent()

    def _show_sent(self) -> None:
        """What every frame sends: as the settings stand, or as it is now where that differs from frame to frame."""
        session, sent = self._session, self._session.sent
        bits = sent.bits
        if bits is None:
            n_channels = session.document.n_channels if session.document is not None else 1
            bits = bits_of_all(session.parameters, n_channels)
        self._views.stage.usage_caption.remark.setText(f"{bits} bits per frame")
        self._views.controls.show_sent(sent.kbps)
        self._dim_unsent()

    def _dim_unsent(self) -> None:
        n_sent = self._session.sent.layers
        n_layers = int(self._session.parameters["layers"]) if n_sent is None else n_sent
        parameters, moving = self._session.parameters, self._session.moving.values
        is_heard = are_layers_heard(parameters, moving)
        self._views.stage.codebooks.show_layers(n_layers if is_heard else 0)
        self._views.controls.bitrate.show_bypassed(not is_heard)
        self._views.spectra.show_heard(heard_word(parameters, moving))

    def _show_can_play(self) -> None:
        self._views.transport.show_can_play(self._session.can_play)
        self._views.spectra.show_can_play(self._session.can_play)
        self._views.header.show_can_export(self._session.can_export and not self._session.is_exporting)

    def move(self) -> None:
        """Show one step of everything that moves."""
        listening = self._session.listening
        ring = listening.output_spectrogram.ring
        self._views.spectra.show_marks(listening.marks.within(ring.n_columns, ring.width))
        self._views.spectra.refresh()
        self._views.stage.codebooks.refresh()
        moving, n_sent = self._session.moving, self._session.sent.layers
        self._views.controls.show_moving(moving.values, n_sent)
        self._views.desk.show_moving(moving, n_sent)
        self._dim_unsent()
        self._views.waveform.show_position(self._session.player.position_seconds)
        self._views.transport.show_playing(self._session.is_playing)
        length = self._session.document.seconds if self._session.document is not None else 0.0
        self._views.transport.time.show_time(self._session.player.position_seconds, length)
        if self._session.recording.is_on:
            self.recording()

    def recording(self) -> None:
        """Show the take that runs, or that none does."""
        recording = self._session.recording
        self._views.transport.show_recording(recording.is_on, recording.seconds)

    def _show_devices(self) -> None:
        opened = self._session.opened
        if opened is None:
            self._views.status.show_devices(
                self._session.devices.name_of_output(), "", "Sound devices (Ctrl+,). Nothing is open yet."
            )
        else:
            self._views.status.show_devices(
                opened.output_name, opened.input_name, plain_tip(f"Sound devices (Ctrl+,). {opened.describe()}")
            )

    def _show_levels(self) -> None:
        """Levels as they are while something is heard, and then what the whole was."""
        session, spectra = self._session, self._views.spectra
        spectra.show_input_gain(session.input_gain_db)
        wholes, meters = session.listening.wholes(), session.listening.meters
        if session.is_sounding or all(whole.is_silent for whole in wholes):
            spectra.show_levels(meters.input_loudness, meters.output_loudness, session.silence_reason())
        else:
            spectra.show_wholes(wholes, session.silence_reason())

    def tell(self) -> None:
        """Show one step of everything that is read."""
        session = self._session
        self._views.stage.codebooks.tell()
        self._show_sent()
        if session.document is None and not self._is_busy():
            self._views.waveform.show_document(None, "Open a sound file, or drop one here.")
        is_long = self._loader.is_opening_long or (session.document is None and self._loader.is_opening)
        self._views.waveform.show_opening(self._loader.opening_words() if is_long else "", self._loader.share_opened)
        self._show_levels()
        self._views.spectra.tell_difference()
        self._show_devices()
        self._views.status.show_remark(self._loader.remark())
        self._views.status.show_figures(*session.figures())
        if self._loader.is_opening_long:
            self._views.status.show_opening(self._loader.share_opened)
            return
        export = session.export
        self._views.status.show_export(
            export.target.name if export else "", export.progress if export else 0.0, session.is_exporting
        )
