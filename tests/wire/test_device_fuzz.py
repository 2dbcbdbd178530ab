"""2,000 random or mutated replies per codec; benchmarks/fuzz_printer_and_serial runs 200,000."""

from __future__ import annotations

import pytest

from tests.wire.device_fuzz import CODECS, fuzz


@pytest.mark.parametrize("name", CODECS)
def test_nothing_but_the_codecs_own_error(name: str) -> None:
    assert 0 <= fuzz(name, 2000) <= 2000
