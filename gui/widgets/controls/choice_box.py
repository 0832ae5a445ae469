"""A list to choose from, with headings that can't be chosen."""

from collections.abc import Sequence

from PyQt6.QtCore import QRectF, Qt, pyqtSignal
from PyQt6.QtGui import QPainter, QPaintEvent, QStandardItem, QStandardItemModel, QWheelEvent
from PyQt6.QtWidgets import QComboBox, QSizePolicy, QWidget

from lamina.gui.look import icons, theme
from lamina.gui.model.sound.devices import Choice

END = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class ChoiceBox(QComboBox):
    """Shows `Choice`s; `chosen` carries the value that the user took."""

    chosen = pyqtSignal(object)

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._choices: tuple[Choice, ...] = ()
        self.moving = ""
        self.setProperty("role", "choice")
        self.setAccessibleName(name)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        # A long device name is cut off; it must not widen the dialog.
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(20)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(theme.CONTROL_HEIGHT)
        self.activated.connect(self._activated)

    def show_choices(self, choices: Sequence[Choice], present: object) -> None:
        """Fills the list and shows the present value; an open list is left alone."""
        view = self.view()
        if view is not None and view.isVisible():
            return
        if tuple(choices) != self._choices:
            self._choices = tuple(choices)
            self._fill()
        for row in range(self.count()):
            if self.itemData(row) is not None and self._choices[self.itemData(row)].value == present:
                self.setCurrentIndex(row)

    def show_moving(self, value: object) -> None:
        """Shows beside the present value the one that what moves has chosen now; None if nothing does."""
        moving = next((choice.label for choice in self._choices if choice.value == value), "")
        if moving != self.moving:
            self.moving = moving
            self.update()

    def showPopup(self) -> None:
        """Opens the list in its full height, as far as the screen has room for it.

        Qt reckons without the padding that the stylesheet gives the list, and hides a row behind an arrow.
        """
        super().showPopup()
        view, screen = self.view(), self.screen()
        container, port = (view.window(), view.viewport()) if view is not None else (None, None)
        if view is None or container is None or port is None or screen is None:
            return
        rows = sum(view.sizeHintForRow(row) for row in range(self.count()))
        layout = container.layout()
        items = [item for index in range(layout.count()) if (item := layout.itemAt(index))] if layout else []
        # The list's own, and the gaps above and below it.
        gaps = sum(item.sizeHint().height() for item in items if item.spacerItem() is not None)
        around = view.height() - port.height() + gaps
        place, free = container.geometry(), screen.availableGeometry()
        if not place.height() < rows + around <= free.height():
            return
        place.setHeight(rows + around)
        place.moveBottom(min(place.bottom(), free.bottom()))
        # Whenever the list is scrolled, the arrows look whether they are needed: on the way they would say yes.
        bar = view.verticalScrollBar()
        if bar is not None:
            bar.blockSignals(True)
        for arrow in (item.widget() for item in items):
            if arrow is not None and arrow is not view:
                arrow.hide()
        container.setGeometry(place)
        if layout is not None:
            layout.activate()
        view.scrollToTop()
        if bar is not None:
            bar.blockSignals(False)

    def wheelEvent(self, event: QWheelEvent | None) -> None:
        # A device must not change because the mouse went over it.
        if event is not None:
            event.ignore()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        super().paintEvent(event)
        painter = QPainter(self)
        ink = theme.colour(theme.MUTED if self.isEnabled() else theme.DIM)
        icons.draw(painter, "chevron", QRectF(self.width() - 22, self.height() / 2 - 5, 10, 10), ink)
        if self.moving:
            painter.setPen(theme.colour(theme.MOVING))
            painter.setFont(theme.font(theme.SMALL_PIXELS))
            painter.drawText(QRectF(0, 0, self.width() - 28, self.height()), END, self.moving)

    def _fill(self) -> None:
        model = QStandardItemModel(self)
        group = ""
        for index, choice in enumerate(self._choices):
            if choice.group != group:
                group = choice.group
                if group:
                    model.appendRow(_heading(group))
            item = QStandardItem(choice.label)
            item.setData(index, Qt.ItemDataRole.UserRole)
            item.setToolTip(choice.label)
            model.appendRow(item)
        self.setModel(model)

    def _activated(self, row: int) -> None:
        index = self.itemData(row)
        if index is not None:
            self.chosen.emit(self._choices[index].value)


def _heading(text: str) -> QStandardItem:
    item = QStandardItem(text)
    item.setFlags(Qt.ItemFlag.NoItemFlags)
    item.setFont(theme.caption_font())
    return item
