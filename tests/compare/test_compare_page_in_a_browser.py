"""The page of a comparison, opened in Chromium: it plays what was made, switches without a click, and needs nothing."""

import base64
import re

import numpy as np
import pytest
from browser import open_browser

from lamina.plugin.comparison.compare import compare_sound
from lamina.plugin.comparison.contenders import contenders
from lamina.plugin.comparison.report import write_report
from lamina.plugin.metrics import METRICS

pytest.importorskip("selenium.webdriver", reason="the browser is driven by selenium")
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.support.ui import WebDriverWait

pytestmark = pytest.mark.slow
HOSTILE = "</title><img src=x onerror=document.title='got-in'>&\"'.wav"
MOST_FADE_SECONDS = 0.010


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    driver = open_browser(tmp_path_factory.mktemp("chromium"), performance="ALL")
    driver.set_script_timeout(60)
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A report of two sounds, one of them with a hostile name and a codec that failed, and what stands in it."""
    from pedalboard.io import AudioFile
    from sounds import demo

    folder = tmp_path_factory.mktemp("report")
    items = []
    for name, index, rate in (("voice.wav", 1, 24_000), (HOSTILE.replace("/", "\N{DIVISION SLASH}"), 0, 44_100)):
        sound = demo(index, rate, 2.0)
        with AudioFile(str(folder / "plain.wav"), "w", samplerate=rate, num_channels=len(sound)) as file:
            file.write(sound)
        (folder / "plain.wav").rename(folder / name)
        items.append(compare_sound(folder / name, contenders(["lamina:3,lamina:6,opus:12"]), [METRICS["si_sdr"]]))
    page = folder / "page.html"
    write_report(page, items, [METRICS["si_sdr"]])
    return page, items


@pytest.fixture
def opened(browser, made):
    browser.get_log("browser")
    browser.get_log("performance")
    browser.set_window_size(1280, 1000)
    browser.get(made[0].as_uri())
    return browser


def keys(browser, *which):
    ActionChains(browser).send_keys(*which).perform()


def text(browser, selector):
    return browser.find_element("css selector", selector).text


def wait(browser, condition):
    return WebDriverWait(browser, 30).until(lambda _: condition())


def place(browser):
    return browser.execute_script("return players[0].now()")


def test_it_opens_without_a_complaint_and_asks_for_nothing_else(opened, made):
    assert opened.get_log("browser") == []
    asked = [
        entry["message"] for entry in opened.get_log("performance") if "Network.requestWillBeSent" in entry["message"]
    ]
    addresses = {re.search(r'"url":"([^"]{0,12})', message).group(1) for message in asked}
    assert {address.partition(":")[0] for address in addresses} <= {"file", "data"}
    markup = made[0].read_text(encoding="utf-8")
    assert re.findall(r'(?:src|href)="(?!data:)', markup) == []


def test_the_sounds_inside_are_what_was_made(opened, made):
    """To the last of 24 bits, at their own rate."""
    for index, item in enumerate(made[1]):
        heard = opened.execute_async_script(
            """
            const [index, done] = arguments;
            players[index].buffers().then((buffers) => done(buffers.map((buffer) => {
              const channels = [];
              for (let c = 0; c < buffer.numberOfChannels; c++) {
                const bytes = new Uint8Array(buffer.getChannelData(c).buffer);
                let text = "";
                for (const byte of bytes) text += String.fromCharCode(byte);
                channels.push(btoa(text));
              }
              return channels;
            })));
            """,
            index,
        )
        assert len(heard) == len(item.rows) == 4
        for channels, row in zip(heard, item.rows, strict=True):
            samples = np.stack([np.frombuffer(base64.b64decode(channel), np.float32) for channel in channels])
            assert samples.shape == row.sound.samples.shape
            assert np.abs(samples - row.sound.samples).max() <= 2**-24, row.label


def test_keys_play_choose_and_stop_and_the_place_stays(opened):
    assert text(opened, ".heard") == "Original" and text(opened, ".play") == "Play"
    keys(opened, " ")
    wait(opened, lambda: text(opened, ".play") == "Stop" and place(opened) > 0.2)
    for key, label in (("2", "Lamina 3 kbps"), ("4", "Opus 12 kbps"), ("1", "Original"), ("9", "Original")):
        started = opened.execute_script("return players[0].voices.time")
        keys(opened, key)
        assert text(opened, ".heard") == label
        assert opened.execute_script("return players[0].voices.time") == started, "nothing begins anew"
        assert text(opened, "section.sound tr.chosen th") == label
    keys(opened, " ")
    wait(opened, lambda: text(opened, ".play") == "Play")
    stopped = place(opened)
    assert stopped > 0.2
    keys(opened, " ")
    wait(opened, lambda: text(opened, ".play") == "Stop")
    assert opened.execute_script("return players[0].voices.offset") == pytest.approx(stopped)
    keys(opened, " ")


def test_one_version_is_heard_after_any_number_of_quick_choices(opened):
    keys(opened, " ")
    wait(opened, lambda: text(opened, ".play") == "Stop")
    keys(opened, *"2341234123")
    gains = "return players[0].voices.gains.map((gain) => Math.round(1000 * gain.gain.value) / 1000)"
    wait(opened, lambda: opened.execute_script(gains) == [0, 0, 1, 0])
    keys(opened, " ")


def test_switching_is_an_equal_power_crossfade_within_ten_milliseconds(opened):
    """Rendered offline with the page's own function: two constant sounds, one through each gain."""
    rate, at = 48_000, 0.05
    outgoing, incoming = opened.execute_async_script(
        """
        const [rate, at, done] = arguments;
        const context = new OfflineAudioContext(2, rate / 5, rate);
        const merger = context.createChannelMerger(2);
        merger.connect(context.destination);
        const gains = [1, 0].map((value, channel) => {
          const source = context.createConstantSource(), gain = context.createGain();
          gain.gain.setValueAtTime(value, 0);
          source.connect(gain);
          gain.connect(merger, 0, channel);
          source.start();
          return gain.gain;
        });
        crossfade(gains[0], gains[1], at);
        context.startRendering().then((buffer) => done([0, 1].map((c) => [...buffer.getChannelData(c)])));
        """,
        rate,
        at,
    )
    outgoing, incoming = np.array(outgoing), np.array(incoming)
    assert outgoing[: round(at * rate)] == pytest.approx(1) and incoming[: round(at * rate)] == pytest.approx(0)
    after = round((at + MOST_FADE_SECONDS) * rate)
    assert outgoing[after:] == pytest.approx(0, abs=1e-6) and incoming[after:] == pytest.approx(1)
    # The curves have 65 points; between them lie straight lines, whose power falls short by a few ten-thousandths.
    assert outgoing**2 + incoming**2 == pytest.approx(1, abs=0.002)
    assert max(np.abs(np.diff(outgoing)).max(), np.abs(np.diff(incoming)).max()) < 0.01, "no step"


def test_the_loop_is_what_is_dragged_over_a_picture(opened):
    picture = opened.find_element("css selector", ".picture")
    opened.execute_script("arguments[0].scrollIntoView({block: 'center'})", picture)
    width = picture.size["width"]
    # Offsets count from the middle.
    ActionChains(opened).move_to_element_with_offset(picture, -width // 4, 0).click_and_hold().move_by_offset(
        width // 4, 0
    ).release().perform()
    first, last = opened.execute_script("return players[0].region")
    assert first == pytest.approx(0.5, abs=0.02) and last == pytest.approx(1.0, abs=0.02)
    keys(opened, " ")
    wait(opened, lambda: text(opened, ".play") == "Stop")
    seen = [opened.execute_async_script("setTimeout(() => arguments[0](players[0].now()), 80)") for _ in range(12)]
    assert all(first <= seconds <= last for seconds in seen)
    assert np.any(np.diff(seen) < 0), "it went round"
    keys(opened, "\ue00c")
    assert opened.execute_script("return players[0].region") is None
    keys(opened, " ")


def test_another_sounds_player_stops_the_first(opened):
    keys(opened, " ")
    wait(opened, lambda: text(opened, ".play") == "Stop")
    second = opened.find_elements("css selector", "section.sound")[1]
    second.find_element("css selector", ".play").click()
    wait(opened, lambda: second.find_element("css selector", ".play").text == "Stop")
    assert text(opened, ".play") == "Play"
    keys(opened, "3")
    assert second.find_element("css selector", ".heard").text == "Lamina 6 kbps"
    second.find_element("css selector", ".play").click()


def test_names_can_not_become_markup(opened):
    assert opened.title == "Lamina compares: 2 sounds"
    assert opened.find_elements("css selector", "img:not([src^='data:'])") == []
    names = [heading.text for heading in opened.find_elements("css selector", "section.sound h2")]
    assert names[1] == HOSTILE.replace("/", "\N{DIVISION SLASH}")


@pytest.mark.parametrize("width", [980, 1920])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_narrow_and_wide_windows_in_light_and_dark(opened, width, scheme):
    opened.set_window_size(width, 1000)
    opened.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    )
    assert opened.execute_script("return document.documentElement.scrollWidth <= innerWidth")
    for selector in ("table", ".picture", ".keys", "dl"):
        for element in opened.find_elements("css selector", selector):
            assert 0 <= element.rect["x"] and element.rect["x"] + element.rect["width"] <= width
    ink, ground = opened.execute_script(
        "const style = getComputedStyle(document.body); return [style.color, style.backgroundColor]"
    )
    lightness = [np.mean([int(part) for part in re.findall(r"\d+", colour)[:3]]) for colour in (ink, ground)]
    assert (lightness[0] > lightness[1]) == (scheme == "dark") and abs(lightness[0] - lightness[1]) > 150


def test_beside_the_figures_stands_what_they_can_not_hear(opened):
    assert METRICS["si_sdr"].what_it_cannot_hear in text(opened, ".deaf")
    for figure in opened.find_elements("css selector", ".rows tbody td[title]"):
        assert METRICS["si_sdr"].what_it_cannot_hear in figure.get_attribute("title")
