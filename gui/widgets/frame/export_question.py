"""What is asked when the window is to close while an export runs, which would be thrown away with it."""

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QMessageBox, QWidget

from lamina.gui.model.files.export import ExportJob, ExportState
from lamina.gui.model.session import Session


class ExportQuestion(QMessageBox):
    """Asks over `parent`, and goes away by itself once the session's export has ended.

    `exec` it, and then see `may_close`.
    """

    def __init__(self, session: Session, export: ExportJob, parent: QWidget) -> None:
        super().__init__(parent)
        self._export = export
        self.setIcon(QMessageBox.Icon.Question)
        self.setWindowTitle("Lamina")
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setText(f"{export.target.name} is still being exported.")
        self.setInformativeText("If Lamina quits now, nothing is written of it.")
        self.keep_button = self.addButton("Go on exporting", QMessageBox.ButtonRole.RejectRole)
        self.discard_button = self.addButton("Quit without it", QMessageBox.ButtonRole.DestructiveRole)
        self.setDefaultButton(self.keep_button)
        self.setEscapeButton(self.keep_button)
        forget = session.changed.subscribe(lambda _what: self.look())
        self.finished.connect(lambda _result: forget())

    @property
    def may_close(self) -> bool:
        """Whether the window may close: the export was given up, or is saved meanwhile."""
        return self.clickedButton() is self.discard_button or self._export.state is ExportState.DONE

    def look(self) -> None:
        """Nothing is left to ask once the export has ended."""
        if self._export.state is not ExportState.RUNNING:
            self.done(0)
