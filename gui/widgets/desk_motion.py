from PyQt6.QtWidgets import QWidget


class MotionTab(QWidget):
    def __init__(self, controls):
        super().__init__()
