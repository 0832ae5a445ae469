"""How two ends meet: one invites, the other joins."""

from __future__ import annotations

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtGui import QFocusEvent, QIntValidator
from PyQt6.QtWidgets import QApplication, QHBoxLayout, QLabel, QLineEdit, QPushButton, QVBoxLayout, QWidget

from lamina.gui.look import theme
from lamina.gui.model.line.choices import LOOPBACK, listen_choices
from lamina.gui.model.line.line import Line
from lamina.gui.widgets.controls.choice_box import ChoiceBox
from lamina.gui.widgets.controls.panel import Caption, Panel

INVITE_WORDS = (
    "Offer a line, and pass the invitation on by a way that others don't read, a message for example: who has it first "
    "is in. Everything that is said is encrypted."
)
JOIN_WORDS = "Paste the invitation that the other end sent you."
ALONE_WORDS = "Only this machine can join there; to let others in, choose the address at which they reach it."
PORT_WIDTH, ADDRESS_WIDTH = 84, 128


class MeetingPage(QWidget):
    """Shows a `Line` that nobody is on yet. `invite_asked` asks for one to be offered, `join_asked` carries an
    invitation, and an address to go to instead of its own, which may be empty.
    """

    invite_asked = pyqtSignal()
    join_asked = pyqtSignal(str, str)

    def __init__(self, line: Line, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._line = line
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.MARGIN)
        column.addWidget(self._invite_panel())
        column.addWidget(self._join_panel())
        column.addStretch(1)
        self.show_all()

    def _invite_panel(self) -> Panel:
        panel = Panel()
        panel.content.addWidget(Caption("Invite", theme.WET))
        panel.content.addWidget(_words(INVITE_WORDS))
        self.listen = ChoiceBox("Address to invite to")
        self.listen.chosen.connect(self._choose_address)
        self.port = QLineEdit()
        self.port.setPlaceholderText("any port")
        self.port.setAccessibleName("Port")
        self.port.setToolTip("TCP and UDP port, for who passes one on through a router; empty: any that is free.")
        self.port.setValidator(QIntValidator(0, 99999, self))
        self.port.setFixedSize(PORT_WIDTH, theme.CONTROL_HEIGHT)
        self.port.textChanged.connect(self._choose_port)
        self.invite_button = QPushButton("Invite")
        self.invite_button.setProperty("role", "primary")
        self.invite_button.setToolTip("Offer a line and make an invitation to it (Ctrl+I).")
        self.invite_button.clicked.connect(self.invite_asked)
        row = QHBoxLayout()
        row.setSpacing(theme.GAP)
        row.addWidget(self.listen, 1)
        row.addWidget(self.port)
        row.addWidget(self.invite_button)
        panel.content.addLayout(row)
        self.alone = _words(ALONE_WORDS)
        panel.content.addWidget(self.alone)
        self.invitation = _WholeField()
        self.invitation.setReadOnly(True)
        self.invitation.setAccessibleName("Invitation")
        self.invitation.setFixedHeight(theme.CONTROL_HEIGHT)
        self.copy_button = QPushButton("Copy")
        self.copy_button.setToolTip("Put the invitation on the clipboard (Ctrl+Shift+C).")
        self.copy_button.clicked.connect(self.copy)
        self.invitation_row = QWidget()
        row = QHBoxLayout(self.invitation_row)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.GAP)
        row.addWidget(self.invitation, 1)
        row.addWidget(self.copy_button)
        panel.content.addWidget(self.invitation_row)
        return panel

    def _join_panel(self) -> Panel:
        panel = Panel()
        panel.content.addWidget(Caption("Join", theme.DRY))
        panel.content.addWidget(_words(JOIN_WORDS))
        self.field = QLineEdit()
        self.field.setPlaceholderText("lamina-line:1/…")
        self.field.setAccessibleName("Invitation to join with")
        self.field.setFixedHeight(theme.CONTROL_HEIGHT)
        self.field.returnPressed.connect(self.join)
        self.address = QLineEdit()
        self.address.setPlaceholderText("its address")
        self.address.setAccessibleName("Address")
        self.address.setToolTip(
            "Where to go instead of where the invitation says, for example to the router of the other end: a host or "
            "HOST:PORT. Usually empty."
        )
        self.address.setFixedSize(ADDRESS_WIDTH, theme.CONTROL_HEIGHT)
        self.address.returnPressed.connect(self.join)
        self.join_button = QPushButton("Join")
        self.join_button.setProperty("role", "primary")
        self.join_button.setToolTip("Join the line of this invitation (Ctrl+J).")
        self.join_button.clicked.connect(self.join)
        row = QHBoxLayout()
        row.setSpacing(theme.GAP)
        row.addWidget(self.field, 1)
        row.addWidget(self.address)
        row.addWidget(self.join_button)
        panel.content.addLayout(row)
        return panel

    def show_all(self) -> None:
        """Shows what can be chosen, and the invitation while it waits."""
        line = self._line
        self.listen.show_choices(listen_choices(line.addresses), line.listen)
        for widget in (self.listen, self.port, self.field, self.address):
            widget.setEnabled(not line.is_held)
        for button in (self.invite_button, self.join_button):
            button.setEnabled(line.is_ready)
        invitation = line.invitation
        if invitation != self.invitation.text():
            self.invitation.setText(invitation)
            self.invitation.setCursorPosition(0)
            self.copy_button.setText("Copy")
            if invitation:
                self.invitation_row.show()
                self.copy_button.setFocus()
        self.invitation_row.setVisible(bool(invitation))
        self.alone.setVisible(line.listen == LOOPBACK)

    def copy(self) -> None:
        """Puts the invitation on the clipboard."""
        clipboard = QApplication.clipboard()
        if self.invitation.text() and clipboard is not None:
            clipboard.setText(self.invitation.text())
            self.copy_button.setText("Copied")

    def join(self) -> None:
        """Asks to join with what is in the field."""
        if self.join_button.isEnabled():
            self.join_asked.emit(self.field.text(), self.address.text())

    def forget(self) -> None:
        """Empties the field: an invitation is good for one line."""
        self.field.clear()

    def _choose_address(self, address: str) -> None:
        self._line.listen = address
        self.show_all()

    def _choose_port(self, text: str) -> None:
        self._line.port = int(text) if text.isdecimal() else 0


class _WholeField(QLineEdit):
    """A field whose text is taken as a whole."""

    def focusInEvent(self, event: QFocusEvent | None) -> None:
        super().focusInEvent(event)
        self.selectAll()


def _words(text: str) -> QLabel:
    label = QLabel(text)
    label.setProperty("role", "muted")
    label.setWordWrap(True)
    label.setTextFormat(Qt.TextFormat.PlainText)
    return label
