"""Each codebook's row has its number.

Where rows are too low for words every so many of them have, and none run into each other.
"""

import numpy as np
import pytest
from PyQt6.QtGui import QImage

from lamina.gui.look import theme
from lamina.gui.model.sound.usage import CodebookUsage
from lamina.gui.widgets.views.usage_view import LABEL_WIDTH, LEAST_ROW, UsageView

N_LAYERS = 24


@pytest.fixture
def view(qtbot):
    view = UsageView()
    qtbot.addWidget(view)
    view.show_usage(CodebookUsage())
    view.show_layers(N_LAYERS)
    return view


def labelled_rows(view, row_height):
    """Rows in the middle of which something is written, from the picture of the view."""
    view.resize(260, N_LAYERS * row_height)
    image = QImage(view.size(), QImage.Format.Format_RGB32)
    image.fill(theme.colour(theme.PANEL))
    view.render(image)
    pixels = np.frombuffer(image.constBits().asarray(image.sizeInBytes()), np.uint32).reshape(image.height(), -1)
    written = (pixels[:, : LABEL_WIDTH - 2] != pixels[0, 0]).any(1)
    starts = np.flatnonzero(np.diff(written.astype(int), prepend=0) == 1)
    ends = np.flatnonzero(np.diff(written.astype(int), append=0) == -1)
    return [int((start + end) / 2 // row_height) for start, end in zip(starts, ends, strict=True)]


@pytest.mark.parametrize("row_height", [14, 18, 30])
def test_every_row_has_its_number_where_there_is_room(view, row_height):
    assert row_height > LEAST_ROW
    assert labelled_rows(view, row_height) == list(range(N_LAYERS))


@pytest.mark.parametrize(("row_height", "every"), [(3, 3), (4, 3), (5, 2), (6, 2)])
def test_low_rows_take_turns(view, row_height, every):
    assert labelled_rows(view, row_height) == list(range(0, N_LAYERS, every))
