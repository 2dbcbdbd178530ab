"""The site file that a simulated shop writes is TOML and says what it was told."""

from __future__ import annotations

import tomllib

import pytest

from posdiag.simulate.site_text import site_text


@pytest.mark.parametrize(
    "value",
    [
        "plain",
        'quote " and backslash \\',
        "行内换行\n\t制表",
        "\x7f and \x01",
        "😀",
        0,
        -3,
        1.5,
        1e-05,
        1e22,
        True,
        [],
        ["a", 1.0, False],
        [{"address": "a.example", "port": 1, "tls": True}, {}],
    ],
)
def test_values_come_back(value: object) -> None:
    text = site_text({}, network={}, devices=[], facts={"one": value}, settings={})
    assert tomllib.loads(text) == {"facts": {"one": value}, "network": {}, "set": {}}


def test_the_parts_of_a_site() -> None:
    text = site_text(
        {"name": "shop", "complaint": {"kind": "sign_on"}, "tid": "00000001"},
        network={"gateway": "127.0.0.1:1"},
        devices=[{"kind": "printer", "port": "COM3"}, {"kind": "ups", "port": "127.0.0.1:2"}],
        facts={"presses": 1},
        settings={"acquirer.limits.echo_s": 4.0},
    )
    assert tomllib.loads(text) == {
        "name": "shop",
        "tid": "00000001",
        "complaint": {"kind": "sign_on"},
        "network": {"gateway": "127.0.0.1:1"},
        "facts": {"presses": 1},
        "set": {"acquirer.limits.echo_s": 4.0},
        "devices": [
            {"kind": "printer", "port": "COM3"},
            {"kind": "ups", "port": "127.0.0.1:2"},
        ],
    }
