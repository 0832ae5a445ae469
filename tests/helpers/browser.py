"""A browser without a window, for pages that Lamina writes; tests that need it are left out where there is none."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--autoplay-policy=no-user-gesture-required",
)


def open_browser(folder: Path, size: tuple[int, int] = (1280, 900), **logs: str) -> Any:
    """A Chromium whose profile and downloads lie in `folder`, and which keeps `logs` beside what pages complain of.

    The caller quits it.
    """
    webdriver = pytest.importorskip("selenium.webdriver", reason="the browser is driven by selenium")
    if CHROMIUM is None or DRIVER is None:
        pytest.skip("needs Debian's chromium and chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in (*FLAGS, f"--user-data-dir={folder / 'profile'}", f"--window-size={size[0]},{size[1]}"):
        options.add_argument(flag)
    downloads = folder / "downloads"
    downloads.mkdir(exist_ok=True)
    options.add_experimental_option("prefs", {"download.default_directory": str(downloads)})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", **logs})
    return webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Any]:
    """An open browser; what it downloads comes into `tmp_path / "downloads"`."""
    driver = open_browser(tmp_path)
    try:
        yield driver
    finally:
        driver.quit()


def complaints(driver: Any) -> list[str]:
    """What pages wrote on the console as errors."""
    return [entry["message"] for entry in driver.get_log("browser") if entry["level"] == "SEVERE"]
