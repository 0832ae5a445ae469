"""An invitation is one line that survives being passed on, and what is wrong with another line is told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lamina.plugin.line.joining.invitation import (
    Address,
    Invitation,
    InvitationError,
    new_invitation,
    parse_address,
    parse_invitation,
)

ADDRESSES = (Address("192.168.1.20", 47000), Address("fe80::1", 1), Address("studio.local", 65535))
INVITATION = Invitation(ADDRESSES, bytes(range(32)), bytes(range(16)))


def test_it_reads_back_as_it_was_written_with_blanks_around_it():
    assert parse_invitation(f"  {INVITATION}\n") == INVITATION
    assert "\n" not in str(INVITATION)
    assert len(str(new_invitation(ADDRESSES[:1], bytes(32)))) < 110


def test_every_secret_is_new_and_none_is_shown_by_repr():
    one, other = (new_invitation(ADDRESSES, bytes(32)) for _ in range(2))
    assert one.secret != other.secret
    assert one.secret.hex() not in repr(one)
    assert repr(one.secret) not in repr(one)


@given(st.integers(0, len(str(INVITATION)) - 1), st.characters(codec="ascii"))
def test_a_changed_sign_is_noticed_or_changes_only_where_to_go(place, sign):
    """Addresses are not covered: who mistypes them meets nobody, or somebody without the secret."""
    text = str(INVITATION)
    changed = text[:place] + sign + text[place + 1 :]
    try:
        read = parse_invitation(changed)
    except InvitationError:
        return
    assert (read.fingerprint, read.secret) == (INVITATION.fingerprint, INVITATION.secret)


@pytest.mark.slow
@given(st.text(max_size=300))
def test_any_text_is_read_or_refused_with_a_sentence(text):
    for candidate in (text, "lamina-line:1/" + text, str(INVITATION) + text):
        try:
            parse_invitation(candidate)
        except InvitationError as error:
            assert len(str(error)) > 20


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("https://example.org", "no invitation"),
        (str(INVITATION).replace(":1/", ":2/", 1), "version"),
        (str(INVITATION)[:-5], "not copied whole"),
        (str(INVITATION).rpartition("/")[0], "not copied whole"),
        (str(INVITATION)[:-1] + ("A" if str(INVITATION)[-1] != "A" else "B"), "sign"),
        (str(INVITATION).replace("47000", "0"), "1 to 65535"),
        (str(INVITATION).replace("192.168.1.20", "192.168.1.2.0"), "neither an IP address"),
        (str(INVITATION).replace("[fe80::1]", "fe80::1"), "brackets"),
        ("lamina-line:1/" + "1.2.3.4:5," * 200, "at most"),
    ],
)
def test_what_is_wrong_is_told(text, told):
    with pytest.raises(InvitationError, match=told):
        parse_invitation(text)


def test_an_address_is_a_host_with_a_port_or_with_one_that_is_known():
    assert parse_address("10.0.0.1:5") == Address("10.0.0.1", 5)
    assert parse_address("[::1]:5") == Address("::1", 5)
    assert parse_address("10.0.0.1", 7) == parse_address("10.0.0.1:7", 9) == Address("10.0.0.1", 7)
    assert parse_address("[::1]", 7) == parse_address("::1", 7) == Address("::1", 7)
    for wrong in ("", "10.0.0.1", "10.0.0.1:x", ":5", "a b:5", "-a:5"):
        with pytest.raises(InvitationError):
            parse_address(wrong)
