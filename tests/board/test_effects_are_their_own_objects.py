"""Effects are objects of their own.

Copies share nothing, inputs stay as they were, misspelt names are refused, threads take turns.
"""

import copy
import pickle
import threading

import numpy as np
import pytest
from pedalboard import Gain
from sounds import noise

from lamina.plugin import Board, NeuralCodec

RATE = 48_000
AUDIO = noise(2, 12_000)


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda codec: pickle.loads(pickle.dumps(codec))])
def test_a_copy_has_the_settings_and_no_past(copied):
    codec = NeuralCodec(layers=3, mix=0.75)
    codec.on_report = lambda report: None
    codec.process(AUDIO, RATE, reset=False)
    twin = copied(codec)
    assert twin.settings == codec.settings and twin.on_report is None and twin.last_reports == []
    assert np.array_equal(
        twin.process(AUDIO, RATE, reset=False), NeuralCodec(layers=3, mix=0.75).process(AUDIO, RATE, reset=False)
    )
    twin.layers = 24
    assert codec.layers == 3


def test_a_copied_board_is_another_list_of_the_same_effects():
    board = Board([NeuralCodec(), Gain()])
    twin = copy.copy(board)
    twin.append(Gain())
    assert len(board) == 2 and list(twin)[:2] == list(board)
    board += [Gain()]
    assert isinstance(board, Board) and len(board) == 3


@pytest.mark.parametrize("effect", [NeuralCodec(), Board()])
def test_a_misspelt_attribute_is_refused(effect):
    with pytest.raises(AttributeError, match="layer_count"):
        effect.layer_count = 3


LAYOUTS = {
    "float64": AUDIO.astype(np.float64),
    "Fortran order": np.asfortranarray(AUDIO),
    "backwards": AUDIO[:, ::-1],
    "samples first": AUDIO.T,
    "every second": AUDIO[:, ::2],
    "mono": AUDIO[0],
    "empty": AUDIO[:, :0],
}


@pytest.mark.slow
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(
    "make", [NeuralCodec, Board, lambda: Board([Gain(6)]), lambda: Board([Gain(6), NeuralCodec()])]
)
@pytest.mark.parametrize("reset", [True, False])
def test_the_input_is_never_changed_and_never_handed_back(layout, make, reset):
    audio = LAYOUTS[layout].view()
    audio.setflags(write=False)
    before = audio.copy()
    result = make().process(audio, RATE, reset=reset)
    assert np.array_equal(audio, before)
    assert result.dtype == np.float32 and result.ndim == audio.ndim and result.flags.writeable
    assert not np.shares_memory(result, LAYOUTS[layout])
    if reset:
        assert result.shape == audio.shape and result.flags.c_contiguous


def test_a_new_rate_or_channel_count_begins_a_new_stream():
    codec = NeuralCodec()
    codec.process(AUDIO, RATE, reset=False)
    for audio, rate in ((AUDIO[0], RATE), (AUDIO[0], 44_100), (AUDIO, 44_100)):
        assert np.array_equal(codec.process(audio, rate, reset=False), NeuralCodec().process(audio, rate, reset=False))


@pytest.mark.slow
@pytest.mark.parametrize("reset", [True, False])
def test_threads_that_share_an_effect_do_not_break_it(reset):
    codec, troubles = NeuralCodec(layers=2), []
    expected = codec(AUDIO, RATE)

    def work():
        for size in (700, 1000, 1300) * 5:
            try:
                if reset:
                    assert np.array_equal(codec(AUDIO, RATE), expected)
                else:
                    codec.process(AUDIO[:, :size], RATE, reset=False)
            except Exception as error:
                troubles.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert troubles == []


def test_a_stream_takes_float64_and_refuses_other_types_before_its_state_changes():
    stream, reference = NeuralCodec().stream(RATE, 2), NeuralCodec().stream(RATE, 2)
    for wrong in ([[0.0], [0.0]], np.ones((2, 100), np.int16), None):
        with pytest.raises(TypeError, match=r"float32"):
            stream.push(wrong)
    with pytest.raises(ValueError, match="shape"):
        stream.push(AUDIO.T)
    out = stream.push(AUDIO.astype(np.float64))
    assert out.dtype == np.float32 and np.array_equal(out, reference.push(AUDIO))
    for wrong in (2.0, "2", None, True):
        with pytest.raises(TypeError, match="n_channels"):
            NeuralCodec().stream(RATE, wrong)
