"""What an extra of the package is needed for, in one sentence with the command that installs it.

The base renders, encodes, decodes and scripts. Qt, sound devices, training, measures of quality and some rival codecs
come with extras, so that a render farm installs none.
"""

from typing import Literal

Extra = Literal["app", "live", "train", "shell", "compare", "rivals", "line"]


def missing_extra(what: str, extra: Extra, error: ImportError) -> str:
    """Tell what can't be done without an extra.

    Args:
        what: the subject of the sentence, in the singular: "Training".
        extra: the one that brings what is missing.
        error: which package was not found.
    """
    return f"{what} needs packages that are not installed ({error}); install them with: pip install 'lamina[{extra}]'"
