"""4,000 mutated answers per dialect here; ``benchmarks/fuzz_host_answers`` runs 200,000."""

from __future__ import annotations

import pytest

from posdiag.model.site import Dialect
from tests.wire.mutated_answers import outcomes


@pytest.mark.parametrize("dialect", list(Dialect))
def test_a_value_or_one_protocol_error(dialect: Dialect) -> None:
    found = outcomes(dialect, 4_000)
    assert set(found) == {"value", "protocol error"}
    assert sum(found.values()) == 4_000
    assert min(found.values()) > 200
