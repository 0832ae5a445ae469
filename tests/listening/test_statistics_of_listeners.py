"""Statistics of listening tests agree with what can be worked out by hand, and screening with the standard."""

import pytest

pytest.importorskip("scipy")

from lamina.plugin.listening.statistics import compare_pairs, holm, mean_of, screen, share_of


def ratings(**scores):
    """For one listener `[item][key]` of lists: item n has the n-th score."""
    n_items = len(next(iter(scores.values())))
    keys = {"reference": "reference", "mid": "anchor-7k", "low": "anchor-3.5k", "codec": "codec"}
    return {f"item {n}": {keys[name]: values[n] for name, values in scores.items()} for n in range(n_items)}


def good(n_items=10):
    return ratings(reference=[100] * n_items, mid=[60] * n_items, codec=[80] * n_items)


def test_means_have_students_interval():
    # 1, 2, 3, 4: mean 2.5, deviation 1.2910, standard error 0.6455, t(3) = 3.1824.
    mean = mean_of([1, 2, 3, 4])
    assert (mean.mean, mean.n) == (2.5, 4)
    assert mean.low == pytest.approx(2.5 - 3.1824 * 0.6455, abs=1e-3)
    assert mean.high == pytest.approx(2.5 + 3.1824 * 0.6455, abs=1e-3)
    assert mean_of([7]).low is None
    with pytest.raises(ValueError, match="no values"):
        mean_of([])


def test_shares_have_the_exact_interval():
    # The upper end for none of ten is 1 − 0.025^(1/10).
    assert share_of(0, 10) == pytest.approx((0.0, 1 - 0.025**0.1))


def test_holms_correction_is_the_papers():
    # Smallest times 4, next times 3, and never smaller than the one before.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


def test_wilcoxon_compares_every_pair():
    scores = {"a": [60, 62, 64, 66, 68, 70], "b": [50, 51, 52, 53, 54, 55], "c": [50, 51, 52, 53, 54, 55]}
    tests = {(test.first, test.second): test for test in compare_pairs(scores)}
    # Six differences of one sign: 2 / 2⁶; three pairs were compared.
    assert tests["a", "b"].p_value == pytest.approx(2 / 64)
    assert tests["a", "b"].p_holm == pytest.approx(3 * 2 / 64)
    assert tests["a", "b"].difference == pytest.approx(12.5)
    assert tests["b", "c"].p_value == tests["b", "c"].p_holm == 1.0
    with pytest.raises(ValueError, match="as many values"):
        compare_pairs({"a": [1], "b": [1, 2]})


def test_who_misses_the_hidden_reference_too_often_is_excluded():
    one_of_ten = ratings(reference=[89] + [100] * 9, mid=[60] * 10)  # 10 %: stays
    two_of_ten = ratings(reference=[89] * 2 + [100] * 8, mid=[60] * 10)  # 20 %: goes
    three_of_twenty = ratings(reference=[0] * 3 + [90] * 17, mid=[60] * 20)  # 15 % exactly, and 90 isn't below: stays
    excluded = screen({"ann": one_of_ten, "bob": two_of_ten, "cleo": three_of_twenty})
    assert excluded == {"bob": "rated the hidden reference below 90 in 2 of 10 sounds"}


def test_who_takes_the_middle_anchor_for_the_original_is_excluded():
    fooled = ratings(reference=[100] * 10, mid=[91] * 2 + [60] * 8)
    barely = ratings(reference=[100] * 10, mid=[90] * 10)  # 90 isn't above
    listeners = {"ann": fooled, "bob": barely, **{f"listener {n}": good() for n in range(6)}}
    assert screen(listeners) == {"ann": "rated the 7 kHz anchor above 90 in 2 of 10 sounds"}


def test_an_item_that_the_anchor_hardly_harms_excludes_nobody():
    # Two of four listeners (more than 25 %) rate it above 90 in both items.
    fooled = ratings(reference=[100] * 10, mid=[95] * 2 + [60] * 8)
    assert screen({"ann": fooled, "bob": fooled, "cleo": good(), "dan": good()}) == {}


def test_without_the_middle_anchor_the_first_rule_still_holds():
    assert list(screen({"ann": ratings(reference=[50] * 4, codec=[60] * 4)})) == ["ann"]


def test_the_two_rules_of_the_standard_on_a_panel_worked_out_by_hand():
    """BS.1534-3, 4.1.2: hidden reference below 90, middle anchor above 90, each for more than 15 % of the items.

    Eight listeners rate seven items: one item is 14.3 %, two are 28.6 %. In item 0 three of eight (37.5 %) rate the
    middle anchor above 90, so that it excludes nobody by the second rule, though it counts among the seven; in items 1
    and 2 two of eight (25 %, not more) do, and these count.
    """
    clean = ratings(reference=[100] * 7, mid=[60] * 7)
    panel = {
        "once below": ratings(reference=[89] + [100] * 6, mid=[60] * 7),
        "twice below": ratings(reference=[89, 100, 0, 100, 100, 100, 100], mid=[60] * 7),
        "twice at 90": ratings(reference=[90, 90] + [100] * 5, mid=[90] * 7),
        "above in 0 and 1": ratings(reference=[100] * 7, mid=[95, 95, 60, 60, 60, 60, 60]),
        "above in 0 and 2": ratings(reference=[100] * 7, mid=[95, 60, 91, 60, 60, 60, 60]),
        "above in 0, 1, 2": ratings(reference=[100] * 7, mid=[95, 100, 91, 60, 60, 60, 60]),
        "clean": clean,
        "clean too": clean,
    }
    assert screen(panel) == {
        "twice below": "rated the hidden reference below 90 in 2 of 7 sounds",
        "above in 0, 1, 2": "rated the 7 kHz anchor above 90 in 2 of 7 sounds",
    }
