"""The exported page is opened in a browser, each test on it is taken by keyboard alone, and its file is read."""

import json
import random

import numpy as np
import pytest
from browser import browser, complaints  # noqa: F401 - a fixture among them
from sounds import noise

from lamina.plugin.listening.page.export import PageError, export_page, page_of
from lamina.plugin.listening.plans import Prepared
from lamina.plugin.listening.results import combine, read_result
from lamina.plugin.listening.sounds import Condition

pytestmark = pytest.mark.slow
RATE = 24000
PAIRS = ((0, 0), (0, 1), (0, 2), (1, 2))


def sounds(*keys, n_samples=12000):
    return {
        key: Condition(f"Label of {key}", {"codec": key}, noise(1, n_samples, index), RATE)
        for index, key in enumerate(keys)
    }


def test_of(kind, trials=6):
    made = {
        "abx": {"voice": sounds("a", "b")},
        "preference": {"voice": sounds("a", "b")},
        "staircase": {"voice": sounds("0", "1", "2", "3", "4", "5", "6")},
        "mushra": {
            item: sounds("reference", "anchor-3.5k", "anchor-7k", "lamina:3", "lamina:6") for item in ("voice", "song")
        },
    }[kind]
    return Prepared(kind, f"A test of {kind}", made, len(made) if kind == "mushra" else trials, {"match": True})


test_of.__test__ = False


def press(driver, *keys):
    from selenium.webdriver import ActionChains

    for key in keys:
        ActionChains(driver).send_keys(key).perform()


def begin(driver, page, listener="Ann"):
    from selenium.webdriver.common.keys import Keys

    driver.get(page.as_uri())
    press(driver, listener, Keys.ENTER)


def wait_for(driver, condition):
    from selenium.webdriver.support.ui import WebDriverWait

    return WebDriverWait(driver, 60, poll_frequency=0.05).until(condition)


def where(driver):
    found = driver.find_elements("id", "where")
    return found[0].text if found else ""


def result_of(driver, tmp_path):
    from selenium.webdriver.common.keys import Keys

    wait_for(driver, lambda d: d.find_elements("id", "save"))
    press(driver, Keys.ENTER)
    downloads = tmp_path / "downloads"

    def whole(_driver):
        # While it comes, its name is already taken by an empty file, with another one beside it that grows.
        there = list(downloads.iterdir())
        return [path for path in there if path.suffix == ".json" and path.stat().st_size and len(there) == 1]

    wait_for(driver, whole)
    return whole(driver)[0]


@pytest.mark.parametrize(
    ("kind", "listen", "answer"),
    [("abx", "abx", "ArrowLeft"), ("preference", "12", "ArrowDown"), ("staircase", "o12", "ArrowRight")],
)
def test_a_test_of_trials_is_taken_by_keyboard(browser, tmp_path, kind, listen, answer):  # noqa: F811
    from selenium.webdriver.common.keys import Keys

    keys = {"ArrowLeft": Keys.ARROW_LEFT, "ArrowDown": Keys.ARROW_DOWN, "ArrowRight": Keys.ARROW_RIGHT}
    n_trials = 10 if kind == "staircase" else 6
    page = tmp_path / "page.html"
    export_page([test_of(kind, n_trials)], page)
    begin(browser, page)
    for number in range(n_trials):
        wait_for(browser, lambda d, n=number: where(d) == f"Trial {n + 1} of {n_trials}")
        press(browser, keys[answer])  # an answer before everything was heard isn't taken
        assert where(browser) == f"Trial {number + 1} of {n_trials}"
        press(browser, *listen, keys[answer])
    result = read_result(result_of(browser, tmp_path))
    assert complaints(browser) == []
    assert result.listener == "Ann"
    (one,) = result.tests
    expected = {"abx": "a", "preference": "same", "staircase": "second"}[kind]
    assert one.test.to_dict()["answers"] == [expected] * n_trials
    assert one.sounds["voice"] == {key: s.described() for key, s in test_of(kind).sounds["voice"].items()}
    assert one.test.outcome() is not None
    if kind == "staircase":
        # The page looks for the threshold as Python does: the same layers are played after the same answers.
        from lamina.plugin.listening.staircase import StaircaseTest

        state = one.test.to_dict()
        again = StaircaseTest(state["levels"], state["coded_is"])
        for given in state["answers"]:
            again.answer(given)
        assert again.to_dict() == state


def test_mushra_is_taken_by_keyboard(browser, tmp_path):  # noqa: F811
    from selenium.webdriver.common.keys import Keys

    page = tmp_path / "page.html"
    export_page([test_of("mushra")], page)
    begin(browser, page)
    for number in range(2):
        wait_for(browser, lambda d, n=number: where(d) == f"Page {n + 1} of 2")
        press(browser, "r", Keys.ENTER)
        assert where(browser) == f"Page {number + 1} of 2"
        for slot in range(5):
            press(browser, str(slot + 1), *[Keys.PAGE_UP] * (slot + 1), Keys.ARROW_DOWN)
        press(browser, Keys.ENTER)
    result = read_result(result_of(browser, tmp_path))
    assert complaints(browser) == []
    state = result.tests[0].test.to_dict()
    assert state["ratings"] == [[59, 69, 79, 89, 99]] * 2
    assert sorted(result.tests[0].test.outcome()) == ["song", "voice"]


@pytest.mark.parametrize(("kind", "listen"), [("abx", "abx"), ("preference", "12"), ("staircase", "o12")])
def test_a_page_that_was_closed_goes_on_where_it_was(browser, tmp_path, kind, listen):  # noqa: F811
    from selenium.webdriver.common.keys import Keys

    page, n_trials = tmp_path / "page.html", 6
    if kind == "staircase":
        n_trials = 10
    export_page([test_of(kind, n_trials)], page)
    begin(browser, page)
    answers = [Keys.ARROW_LEFT, Keys.ARROW_RIGHT, Keys.ARROW_RIGHT] * 4

    def answer(number):
        wait_for(browser, lambda d: where(d) == f"Trial {number + 1} of {n_trials}")
        press(browser, *listen, answers[number])

    for number in range(3):
        answer(number)
    wait_for(browser, lambda d: where(d) == f"Trial 4 of {n_trials}")
    before = browser.execute_script("return JSON.stringify(state.state)")
    place = browser.execute_script("return localStorage.getItem(PLACE)")
    assert "x_is" not in place and "answers" not in place  # a glance at what is kept tells nothing
    # Its tab is closed, and the page is opened in another one.
    browser.switch_to.new_window("tab")
    browser.switch_to.window(browser.window_handles[0])
    browser.close()
    browser.switch_to.window(browser.window_handles[0])
    browser.get(page.as_uri())
    assert "Welcome back, Ann" in browser.page_source and f"trial 4 of {n_trials}" in browser.page_source
    press(browser, Keys.ENTER)
    for number in range(3, n_trials):
        if number == 3:
            wait_for(browser, lambda d: where(d) == f"Trial 4 of {n_trials}")
            assert browser.execute_script("return JSON.stringify(state.state)") == before
        answer(number)
    wait_for(browser, lambda d: d.find_elements("id", "save"))
    # Closed before it was saved: nothing is lost either.
    browser.get(page.as_uri())
    press(browser, Keys.ENTER)
    result = read_result(result_of(browser, tmp_path))
    assert complaints(browser) == [] and result.listener == "Ann"
    words = {"abx": ("a", "b"), "preference": ("first", "second"), "staircase": ("first", "second")}[kind]
    given = result.tests[0].test.to_dict()["answers"]
    assert given == [words[key == Keys.ARROW_RIGHT] for key in answers[:n_trials]]
    # Once they are saved another listener may begin; another page never hears of it.
    browser.get(page.as_uri())
    assert "Ann has taken it here" in browser.page_source
    press(browser, "Bob", Keys.ENTER)
    wait_for(browser, lambda d: where(d) == f"Trial 1 of {n_trials}")
    export_page([test_of(kind, n_trials + 1)], page)
    browser.get(page.as_uri())
    assert browser.find_elements("id", "name")


def test_ratings_are_there_again_after_the_page_was_closed(browser, tmp_path):  # noqa: F811
    from selenium.webdriver.common.keys import Keys

    page = tmp_path / "page.html"
    export_page([test_of("mushra")], page)
    begin(browser, page)
    wait_for(browser, lambda d: where(d) == "Page 1 of 2")
    press(browser, "1", Keys.PAGE_UP, "2", Keys.PAGE_DOWN)
    order = browser.execute_script("return JSON.stringify(state.state)")
    browser.get(page.as_uri())
    press(browser, Keys.ENTER)
    wait_for(browser, lambda d: where(d) == "Page 1 of 2")
    assert browser.execute_script("return JSON.stringify(state.state)") == order
    assert [browser.find_element("id", f"score-{slot}").text for slot in range(3)] == ["60 Good", "40 Fair", "not yet"]
    assert complaints(browser) == []


def test_what_is_kept_but_damaged_is_left_alone(browser, tmp_path):  # noqa: F811
    page = tmp_path / "page.html"
    export_page([test_of("abx")], page)
    browser.get(page.as_uri())
    for damaged in ("rubbish", "", "AAAA"):
        browser.execute_script("localStorage.setItem(PLACE, arguments[0])", damaged)
        browser.get(page.as_uri())
        assert browser.find_elements("id", "name") and complaints(browser) == []


def test_abx_is_trained_with_answers_told_and_then_taken_without(browser, tmp_path):  # noqa: F811
    from selenium.webdriver.common.keys import Keys

    page = tmp_path / "page.html"
    export_page([test_of("abx")], page)
    begin(browser, page)
    wait_for(browser, lambda d: where(d) == "Trial 1 of 6")
    press(browser, "t")
    wait_for(browser, lambda d: where(d) == "Training 1")
    right = 0
    for number in range(8):  # more than the test has
        x = browser.execute_script("return state.state.x_is[state.trial]")
        press(browser, *"abx", Keys.ARROW_LEFT)
        right += x == "a"
        wait_for(browser, lambda d, n=number, r=right: where(d) == f"Training {n + 2}; {r} of {n + 1} were right")
        told = browser.find_element("id", "notice").text
        assert told == f"{'Right' if x == 'a' else 'Wrong'}: X was {x.upper()}."
    press(browser, Keys.ENTER)
    for number in range(6):
        wait_for(browser, lambda d, n=number: where(d) == f"Trial {n + 1} of 6")
        assert bool(browser.find_elements("id", "train")) == (number == 0)
        press(browser, "t" if number else "a", *"abx", Keys.ARROW_RIGHT)
        said = browser.find_element("id", "room").text
        assert "Right" not in said and "Wrong" not in said
    state = read_result(result_of(browser, tmp_path)).tests[0].test.to_dict()
    assert state["training"] is False and state["answers"] == ["b"] * 6 and len(state["x_is"]) == 6
    assert complaints(browser) == []


def test_several_tests_and_listeners_combine(browser, tmp_path):  # noqa: F811
    from selenium.webdriver.common.keys import Keys

    page = tmp_path / "page.html"
    export_page([test_of("abx"), test_of("preference", 2)], page)
    paths = []
    for listener in ("Ann", "Bob"):
        begin(browser, page, listener)
        for number in range(6):
            wait_for(browser, lambda d, n=number: where(d) == f"Trial {n + 1} of 6")
            press(browser, *"abx", Keys.ARROW_RIGHT)
        for number in range(2):
            wait_for(browser, lambda d, n=number: where(d) == f"Trial {n + 1} of 2")
            press(browser, *"12", Keys.ARROW_LEFT)
        path = result_of(browser, tmp_path)
        paths.append(path.rename(tmp_path / f"{listener}.json"))
    results = combine(paths)
    assert [result.listener for result in results] == ["Ann", "Bob"]
    # Each listener's order is drawn anew: twice the same six coins would be rare, and the preference's two come on top.
    orders = [[one.test.to_dict().get("x_is") or one.test.to_dict()["a_is"] for one in r.tests] for r in results]
    assert all(len(order[0]) == 6 for order in orders)


def test_the_sounds_arrive_in_the_browser_bit_for_bit_and_are_switched_without_a_gap(browser, tmp_path):  # noqa: F811
    page = tmp_path / "page.html"
    test = test_of("abx")
    export_page([test], page)
    begin(browser, page)
    wait_for(browser, lambda d: where(d))
    for key in "ab":
        values = browser.execute_script(
            "return Array.from(player.buffers[test.ids.voice[arguments[0]]].getChannelData(0))", key
        )
        np.testing.assert_array_equal(np.array(values, np.float32), test.sounds["voice"][key].samples[0])
    # What the gains do, rendered offline with the page's own schedule: from a sound to itself they add up to 1 at every
    # sample, between sounds that have nothing in common their squares do.
    for alike, power in ((1, 1), (0, 2)):
        old, new = gains_of(browser, alike)
        np.testing.assert_allclose(old**power + new**power, 1.0, atol=1e-6 if power == 1 else 2e-3)
        assert old[0] > 0.98 and old[130] < 1e-6 and np.abs(np.diff(new)).max() < 0.02
    # How much they have in common is what the page finds in them: X is A or B.
    alike = [browser.execute_script("return player.alike(arguments[0], arguments[1])", *pair) for pair in PAIRS]
    assert alike[0] == 1 and alike[1] < 0.3, "two noises"
    assert sorted(alike[2:])[1] == 1 and sorted(alike[2:])[0] < 0.3


def gains_of(driver, alike):
    """What a switch does to each of two sounds that are so much alike, sample by sample."""
    gains = driver.execute_async_script(
        """
        const alike = arguments[0], done = arguments[1], context = new OfflineAudioContext(2, 2400, 24000);
        const one = context.createBuffer(1, 2400, 24000);
        one.getChannelData(0).fill(1);
        const merger = context.createChannelMerger(2);
        const fake = Object.create(Player.prototype);
        fake.context = { currentTime: 0, resume() {} };
        fake.heard = 0;
        fake.alike = () => alike;
        fake.nodes = [0, 1].map((index) => {
          const source = context.createBufferSource(), gain = context.createGain();
          source.buffer = one;
          source.connect(gain).connect(merger, 0, index);
          source.start();
          return { source, gain };
        });
        merger.connect(context.destination);
        fake.play(1);
        context.startRendering().then((out) => done([0, 1].map((c) => Array.from(out.getChannelData(c)))));
        """,
        alike,
    )
    return np.array(gains)


@pytest.mark.parametrize(("kind", "listen"), [("abx", "x"), ("mushra", "1")])
def test_a_part_is_looped_by_keys_for_every_sound_alike(browser, tmp_path, kind, listen):  # noqa: F811
    made = {
        "abx": {"voice": sounds("a", "b", n_samples=3 * RATE)},
        "mushra": {"voice": sounds("reference", "anchor-3.5k", "lamina:3", n_samples=3 * RATE)},
    }[kind]
    page = tmp_path / "page.html"
    export_page([Prepared(kind, "Looped", made, 1 if kind == "mushra" else 6, {"match": True})], page)
    begin(browser, page)
    wait_for(browser, lambda d: where(d))

    def place():
        return browser.execute_script("return player.position")

    def part():
        return browser.execute_script("return player.part")

    press(browser, listen)
    wait_for(browser, lambda d: 0.5 < place() < 1.2)
    press(browser, ",")
    start, stop = part()
    assert start > 0.5 and stop == 3.0
    wait_for(browser, lambda d: start + 0.5 < place() < 2.5)
    press(browser, ".")
    assert part()[0] == start and start + 0.5 <= part()[1] < 3.0
    start, stop = part()
    assert browser.find_element("id", "part").text == f"{start:.1f} to {stop:.1f} s of 3.0 s"
    heard = browser.execute_script("return player.heard")
    assert heard is not None, "it goes on with the same sound"
    lengths = browser.execute_script("return player.nodes.map((one) => one.source.buffer.duration)")
    assert lengths == pytest.approx([stop - start] * len(lengths), abs=1 / RATE)
    # What is looped is that part of the sound, but for its ends, which fade.
    values = browser.execute_script("return Array.from(player.nodes[0].source.buffer.getChannelData(0))")
    first = round(start * RATE)
    whole = made["voice"]["a" if kind == "abx" else "reference"].samples[0]
    edge = round(0.005 * RATE)
    looped = np.array(values, np.float32)
    np.testing.assert_array_equal(looped[edge:-edge], whole[first + edge : first + len(looped) - edge])
    assert abs(looped[0]) < 1e-3 and abs(looped[-1]) < 1e-3
    assert start <= place() < stop
    press(browser, "w")
    assert part() is None and browser.find_element("id", "part").text == "the whole sound, 3.0 s"
    assert complaints(browser) == []


def test_a_part_is_looped_by_dragging_and_a_click_goes_there(browser, tmp_path):  # noqa: F811
    from selenium.webdriver import ActionChains

    page = tmp_path / "page.html"
    export_page([Prepared("abx", "Looped", {"voice": sounds("a", "b", n_samples=3 * RATE)}, 6, {})], page)
    begin(browser, page)
    wait_for(browser, lambda d: where(d))
    press(browser, "a")
    bar = browser.find_element("id", "bar")
    width = bar.size["width"]
    drag = ActionChains(browser).move_to_element_with_offset(bar, -round(width / 3), 0).click_and_hold()
    drag.move_by_offset(round(width / 3), 0).release().perform()
    assert browser.execute_script("return player.part") == pytest.approx([0.5, 1.5], abs=0.02)
    ActionChains(browser).move_to_element_with_offset(bar, -round(width / 12), 0).click().perform()
    assert 1.2 < browser.execute_script("return player.position") < 1.5
    assert browser.execute_script("player.loop([2.9, 3]); return player.part") == [2.5, 3], "half a second at the least"
    assert complaints(browser) == []


def test_sounds_of_one_test_may_have_rates_and_channels_of_their_own(browser, tmp_path):  # noqa: F811
    def row(rate, channels):
        keys = ("reference", "anchor-3.5k", "lamina:3")
        return {key: Condition(key, {}, noise(channels, rate, n), rate) for n, key in enumerate(keys)}

    made = {"voice": row(16_000, 1), "song": row(48_000, 2)}
    page = tmp_path / "page.html"
    export_page([Prepared("mushra", "Two rates", made, 2, {})], page)
    begin(browser, page)
    for number in range(2):
        wait_for(browser, lambda d, n=number: where(d) == f"Page {n + 1} of 2")
        item = browser.execute_script("return state.item")
        shapes = browser.execute_script(
            "return player.nodes.map(({ source: { buffer } }) => [buffer.sampleRate, buffer.numberOfChannels, "
            "buffer.duration])"
        )
        rate, channels = (16_000, 1) if item == "voice" else (48_000, 2)
        assert shapes == [[rate, channels, 1.0]] * 4
        for slot in "123":
            press(browser, slot, "\ue00f")  # Page Down
        if number:
            press(browser, "\ue003")  # Backspace
            wait_for(browser, lambda d: where(d) == "Page 1 of 2")
            press(browser, "\ue007")
            wait_for(browser, lambda d: where(d) == "Page 2 of 2")
        press(browser, "\ue007")  # Enter
    taken = read_result(result_of(browser, tmp_path)).tests[0]
    assert taken.test.is_over and complaints(browser) == []


def test_nothing_in_the_page_tells_what_is_what():
    for kind in ("abx", "preference", "mushra", "staircase"):
        text = page_of([test_of(kind)], random.Random(5))
        assert "Label of" not in text and 'x_is": [' not in text and "lamina:3" not in text
        blocks = [part for part in text.split('<script type="text/plain" id="')[1:] if part.startswith("s")]
        assert len({len(block) for block in blocks}) == 1  # equally long, whatever they hold
    firsts = [page_of([test_of("abx")], random.Random(seed)).split('text/plain" id="s')[1][17:60] for seed in range(40)]
    # Which of the two sounds lies first in the file is chance.
    assert 8 < firsts.count(firsts[0]) < 32


def test_a_page_that_would_be_too_large_is_refused_and_needs_no_network(monkeypatch):
    text = page_of([test_of("abx")])
    assert "http://" not in text and "https://" not in text and "src=" not in text
    monkeypatch.setattr("lamina.plugin.listening.page.export.LARGEST_PAGE", 1000)
    with pytest.raises(PageError, match="fewer or shorter"):
        page_of([test_of("abx")])
    with pytest.raises(PageError, match="No listening test"):
        page_of([])


def test_the_pages_checksum_is_pythons(browser, tmp_path):  # noqa: F811
    from lamina.plugin.listening.results import sealed

    page = tmp_path / "page.html"
    export_page([test_of("abx")], page)
    browser.get(page.as_uri())
    for content in ({"a": 1}, {"name": "Zoë “x” \\ \U0001f3a7", "list": ["x" * n for n in range(130)]}):
        assert browser.execute_script("return sealed(JSON.parse(arguments[0]))", json.dumps(content)) == sealed(content)
    assert json.loads(sealed({"a": 1}))["a"] == 1


def test_no_answer_is_slower_than_others(browser, tmp_path):  # noqa: F811
    # Sounds are decoded before the first is heard, so nothing is left to load when X is chosen.
    page = tmp_path / "page.html"
    export_page([test_of("abx")], page)
    begin(browser, page)
    wait_for(browser, lambda d: where(d))
    assert browser.execute_script("return Object.keys(player.buffers).length") == 2
    before = browser.execute_script("return player.nodes.length")
    press(browser, *"axbx")
    assert browser.execute_script("return player.nodes.length") == before == 3
