"""What each layer sends: as codes that roll by, in step with the spectrograms, or as how often each code comes."""

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QLabel, QStackedWidget, QVBoxLayout, QWidget

from lamina.gui.look import theme
from lamina.gui.model.sound.entropy import CodeEntropy
from lamina.gui.model.sound.token_roll import TokenRoll
from lamina.gui.widgets.controls.chips import Segments
from lamina.gui.widgets.controls.panel import Caption, Panel
from lamina.gui.widgets.views.token_roll_view import CODE, SURPRISE, TokenRollView
from lamina.gui.widgets.views.usage_view import UsageHeads, UsageView

USE = "use"
KINDS = {CODE: "Codes", SURPRISE: "Surprise", USE: "Use"}
TIPS = {
    CODE: "The codes as they come, a row for each layer, in step with the spectrograms. Codes that are alike have like "
    "colours, so that what repeats is seen to repeat. Where three layers and more are sent, the first row is how far "
    "the codec looks back: short is blue, long is pink. Of two channels it is the first.",
    SURPRISE: "The same by surprise: the brighter, the rarer a code has been in the last 20 seconds.",
    USE: "How often each code of a layer comes, from 0 to the last, without time.",
}
SUM_TIP = (
    "What the codes of all layers and channels would need if each were as short as it is frequent (their entropy, of "
    "the last 20 seconds), of what is sent. The difference is what an entropy coder could save."
)


class CodebookPanel(Panel):
    """`caption`, `roll` and `usage`; `kind` is what is shown, one of KINDS."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedWidth(theme.RIGHT_WIDTH)
        self.kind = CODE
        self.caption = Caption("Codebooks", theme.WET)
        self.choice = Segments(KINDS, width=None)
        for kind, tip in TIPS.items():
            self.choice.buttons[kind].setToolTip(tip)
        self.choice.chosen.connect(self.show_kind)
        self.roll, self.usage = TokenRollView(), UsageView()
        self.sum = QLabel()
        self.sum.setProperty("role", "detail")
        self.sum.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.sum.setToolTip(SUM_TIP)
        self._stack = QStackedWidget()
        for widgets in ((self.roll, self.sum), (UsageHeads(), self.usage)):
            page = QWidget()
            column = QVBoxLayout(page)
            column.setContentsMargins(0, 0, 0, 0)
            column.setSpacing(theme.GAP)
            for widget in widgets:
                column.addWidget(widget, int(widget in (self.roll, self.usage)))
            self._stack.addWidget(page)
        self.content.addWidget(self.caption)
        self.content.addWidget(self.choice)
        self.content.addWidget(self._stack, 1)
        self._entropy = CodeEntropy()
        self.show_kind(CODE)

    def show_kind(self, kind: str) -> None:
        """Shows the codes, their surprise, or their use; another word changes nothing."""
        if kind not in KINDS:
            return
        self.kind = kind
        self.choice.show_chosen(kind)
        self._stack.setCurrentIndex(int(kind == USE))
        if kind != USE:
            self.roll.show_kind(kind)
        else:
            self.usage.refresh()
            self.usage.refresh_figures()

    def show_codes(self, roll: TokenRoll, entropy: CodeEntropy) -> None:
        """Draws another roll and tells another entropy from now on."""
        self._entropy = entropy
        self.roll.show_roll(roll)

    def show_layers(self, n_layers: int) -> None:
        """How many layers are heard: the others have no row, or a dim one."""
        self.roll.show_layers(n_layers)
        self.usage.show_layers(n_layers)

    def refresh(self) -> None:
        """One step of what moves, where it is seen."""
        if self.kind == USE:
            self.usage.refresh()
        else:
            self.roll.refresh()

    def tell(self) -> None:
        """One step of the figures, where they are seen."""
        if self.kind == USE:
            self.usage.refresh_figures()
            return
        self.roll.show_bits(self._entropy.bits(), self._entropy.code_bits)
        self.sum.setText(self._entropy.words())
