"""Windows under test are drawn off screen unless QT_QPA_PLATFORM says otherwise: a test run must not flicker over a desktop."""

import os

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
