"""Taking a test by keyboard: trials that are answered, and pages on which everything is rated."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING

from lamina.cli.listening.keys import DOWN, ENDINGS, LEFT, RETURN, RIGHT, UP, next_key, show_line, single_keys
from lamina.plugin.listening.mushra import REFERENCE, MushraTest, word_of

if TYPE_CHECKING:
    from lamina.cli.listening.player import Player
    from lamina.gui.model.trials.test_kinds import TestKind, TrialTest

STOPS = "space pauses · Q stops; it goes on another time"
RATING_HELP = (
    "R is the original, A, B, C … what is rated, beside it · 0 to 9 rate in tens, ↑ ↓ by 5, → ← by 1 · Return goes on, "
    f"P goes back · {STOPS}"
)
STEPS = {UP: 5, DOWN: -5, RIGHT: 1, LEFT: -1}
FIRST_RATING, HIGHEST = 50, 100
SLOTS = "abcdefghijk"


def take_trials(player: Player, kind: TestKind, test: TrialTest, keep: Callable[[], None]) -> bool:
    """Trials until the end, or until the listener stops; False if the engine can't be kept alive.

    Args:
        player: of the test's sounds.
        kind: what can be heard and answered in it.
        test: as it was left.
        keep: called after each answer.
    """
    from lamina.gui.model.trials.test_kinds import played

    sounds = {button.key.lower(): button.word for button in kind.sounds}
    answers = {button.key: button.word for button in kind.answers}
    answers |= _arrows(kind)
    print(_help(kind))
    heard: set[str] = set()
    notice, is_training = "", getattr(test, "training", False)
    with single_keys():
        while not test.is_over:
            done = f"{test.n_correct} of {test.trial} right  " if is_training and test.trial else ""  # type: ignore[union-attr]
            show_line(f"Trial {test.trial + 1} of {test.n_trials}  {done}{notice or _left(sounds, heard)}")
            key = next_key(player.is_alive)
            if key is None:
                return False
            notice = ""
            if key in ENDINGS:
                break
            if key in sounds:
                heard.add(key)
                player.hear(played(test, sounds[key]))
                left = _left(sounds, heard)
                notice = f"{key.upper()} is heard" + (f"; {left}" if left else "")
            elif key == " ":
                player.toggle()
            elif key in answers and _left(sounds, heard):
                notice = _left(sounds, heard)
            elif key in answers:
                right = test.answer(answers[key])
                keep()
                heard.clear()
                notice = {None: "", True: "Right.", False: "Wrong."}[right]
                if player.is_playing and not test.is_over:
                    # From the same sound in every trial: to stay on X would let one hear whether X has changed.
                    player.hear(played(test, kind.sounds[0].word))
        player.stop()
    print()
    return True


def take_ratings(player: Player, test: MushraTest, keep: Callable[[], None]) -> tuple[bool, bool]:
    """Pages until the last is confirmed, or until the listener stops.

    The rating is always that of the sound that is heard, as BS.1534-3 (5.4) wants it.

    Returns whether the engine lives, and whether the test is over.

    Args:
        player: of the test's sounds.
        test: as it was left.
        keep: called after each rating and each turn.
    """
    print(RATING_HELP)
    slot: int | None = None
    notice = ""
    with single_keys():
        player.show(test.item)
        while True:
            show_line(f"Page {test.page + 1} of {test.n_pages}  {_page(test, slot)}  {notice}")
            key = next_key(player.is_alive)
            if key is None:
                return False, False
            notice = ""
            if key in ENDINGS:
                player.stop()
                print()
                return True, False
            if key == "r":
                slot = None
                player.hear(REFERENCE)
            elif key in SLOTS[: test.n_slots]:
                slot = SLOTS.index(key)
                player.hear(test.sound_of(slot))
            elif key == " ":
                player.toggle()
            elif key in STEPS or key.isdecimal():
                notice = _rate(test, slot, key)
                keep()
            elif key in RETURN and not test.is_rated:
                notice = "rate every sound first"
            elif key in RETURN and test.page + 1 == test.n_pages and test.is_over:
                player.stop()
                print()
                return True, True
            elif key in RETURN or (key == "p" and test.page):
                # A page before may lack ratings, as only files can have it.
                test.turn(1 if key in RETURN and test.page + 1 < test.n_pages else -1)
                slot = None
                player.stop()
                player.show(test.item)
                keep()


def _rate(test: MushraTest, slot: int | None, key: str) -> str:
    if slot is None:
        return "the original isn't rated: listen to A, B, C …"
    so_far = test.rating(slot)
    score = 10 * int(key) if key.isdecimal() else FIRST_RATING if so_far is None else so_far + STEPS[key]
    test.rate(slot, min(max(0, score), HIGHEST))
    return word_of(test.rating(slot) or 0)


def _page(test: MushraTest, slot: int | None) -> str:
    shown = ["[R]" if slot is None else " R "]
    for number in range(test.n_slots):
        rating = test.rating(number)
        text = f"{SLOTS[number].upper()}:{'–' if rating is None else rating}"
        shown.append(f"[{text}]" if number == slot else f" {text} ")
    return " ".join(shown)


def _arrows(kind: TestKind) -> dict[str, str]:
    """Answers by arrows, as on the page: ← the first, → the last, ↓ what lies between."""
    words = [button.word for button in kind.answers]
    return {LEFT: words[0], RIGHT: words[-1], **({DOWN: words[1]} if len(words) > 2 else {})}


def _help(kind: TestKind) -> str:
    listens = ", ".join(button.key for button in sorted(kind.sounds, key=lambda button: button.key))
    arrows = {word: {LEFT: "←", RIGHT: "→", DOWN: "↓"}[key] for key, word in _arrows(kind).items()}
    answers = " · ".join(f"{arrows[button.word]} or {button.key}: {button.text}" for button in kind.answers)
    return f"{kind.question} {listens} listen · {answers} · {STOPS}"


def _left(sounds: Mapping[str, str], heard: Collection[str]) -> str:
    missing = [name.upper() for name in sorted(sounds) if name not in heard]
    return f"listen to {' and '.join(missing)}" if missing else ""
