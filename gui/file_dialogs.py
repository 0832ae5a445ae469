"""The file dialogs: where to open from, export to, and keep presets."""

from pathlib import Path

from PyQt6.QtWidgets import QFileDialog, QWidget

from lamina.gui.loading import Loader
from lamina.gui.model.files.export import suggested_target
from lamina.gui.model.session import Session

PRESETS = "Presets (*.json)"


class FileDialogs:
    """Asks over `parent`, and has the loader or the session do what was chosen."""

    def __init__(self, parent: QWidget, session: Session, loader: Loader) -> None:
        self._parent, self._session, self._loader = parent, session, loader

    def open_sound(self) -> None:
        """Lets the user choose a sound file, or one of codes."""
        path = self._ask_source("Open a sound file or codes", self._loader.readable_filter())
        if path:
            self._loader.open(path)

    def export(self, two_pass: bool = False) -> None:
        """Lets the user choose where to render to, in two passes if asked."""
        session = self._session
        if session.document is None or session.codec is None or session.is_exporting:
            session.start_export(Path())  # says why not
            return
        kbps = session.parameters.shape.kbps(session.parameters["layers"])
        suggestion = suggested_target(session.document.opened, kbps, Path(self._loader.folder))
        title = "Export in two passes as" if two_pass else "Export as"
        path = self._ask_target(title, suggestion, self._loader.writable_filter())
        if path:
            session.start_export(path, two_pass)

    def open_preset(self) -> None:
        """Lets the user choose a preset file."""
        path = self._ask_source("Open a preset", PRESETS, self._preset_folder())
        if path:
            self._loader.open_preset(path)

    def save_preset(self) -> None:
        """Lets the user choose where to save the present settings."""
        path = self._ask_target("Save preset", self._preset_folder() / "My preset.json", PRESETS)
        if path:
            self._loader.save_preset(path)

    def _preset_folder(self) -> Path:
        """The folder for the user's own presets, there from now on; where sounds lie if it can't be made."""
        folder = self._loader.own_presets.folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError:
            return Path(self._loader.folder)
        return folder

    def _ask_source(self, title: str, name_filter: str, folder: Path | None = None) -> Path | None:
        path, _ = QFileDialog.getOpenFileName(self._parent, title, str(folder or self._loader.folder), name_filter)
        return Path(path) if path else None

    def _ask_target(self, title: str, suggestion: Path, name_filter: str) -> Path | None:
        dialog = QFileDialog(self._parent, title, str(suggestion.parent), name_filter)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        # Here and not afterwards, so that the dialog asks before it replaces the file that is really meant.
        dialog.setDefaultSuffix(suggestion.suffix)
        dialog.selectFile(suggestion.name)
        dialog.filterSelected.connect(lambda chosen: _follow_filter(dialog, chosen, suggestion.suffix))
        chosen = Path(dialog.selectedFiles()[0]) if dialog.exec() else None
        dialog.deleteLater()
        return chosen


def _follow_filter(dialog: QFileDialog, chosen: str, usual: str) -> None:
    """The name's suffix follows the kind of file that is chosen: codes, or the usual kind."""
    from lamina.plugin.codes_file.file import SUFFIX

    suffix = SUFFIX if SUFFIX in chosen else usual
    dialog.setDefaultSuffix(suffix)
    names = dialog.selectedFiles()
    if names and (Path(names[0]).suffix == SUFFIX) != (suffix == SUFFIX):
        dialog.selectFile(Path(names[0]).with_suffix(suffix).name)
