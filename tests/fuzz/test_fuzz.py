"""Whatever is read from others is a value or a clear error, and soon."""

from __future__ import annotations

import pytest

from spaces.errors import UserError
from tests.fuzz.fuzz import Hang, fuzz
from tests.fuzz.targets import NAMES, Target, targets

N_INPUTS = {
    "data": 100,
    "export": 60,
    "sentences": 60,
    "pairs": 80,
}  # those that read many files; of others 300

REFUSES_NOTHING = ("sentences",)  # each line of any text has its translation


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Target]:
    return targets(tmp_path_factory.mktemp("fuzz"))


def test_all_targets_are_tried(known: dict[str, Target]):
    assert list(known) == NAMES


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", NAMES)
def test_what_is_nearly_right_is_a_value_or_a_clear_error(known: dict[str, Target], name: str):
    outcome = fuzz(known[name], N_INPUTS.get(name, 300))
    if name in REFUSES_NOTHING:
        assert outcome.n_values == outcome.n_inputs > 0
    else:
        assert 0 < outcome.n_values < outcome.n_inputs


def test_the_fuzzer_notices_a_traceback_and_a_hang(monkeypatch: pytest.MonkeyPatch, known):
    def fail(value: object) -> None:
        raise KeyError(value)

    with pytest.raises(KeyError):
        fuzz(Target(inputs=known["layout"].inputs, read=fail), 10)

    def refuse(value: object) -> None:
        raise UserError("so")

    assert fuzz(Target(inputs=known["layout"].inputs, read=refuse), 10).n_values == 0

    def hang(value: object) -> None:
        while True:
            pass

    monkeypatch.setattr("tests.fuzz.fuzz.HANG_S", 0.2)
    with pytest.raises(Hang):
        fuzz(Target(inputs=known["layout"].inputs, read=hang), 1)


def test_the_fuzzer_notices_what_fills_the_memory(monkeypatch: pytest.MonkeyPatch, known):
    monkeypatch.setattr("tests.fuzz.fuzz.MAX_GROWTH_BYTES", 2**26)

    def fill(n_bytes: int) -> None:
        bytearray(b"x") * n_bytes

    inputs = known["layout"].inputs.map(lambda text: len(text))
    assert fuzz(Target(inputs=inputs, read=fill, large=(lambda: 2**20,)), 3).n_values == 3
    with pytest.raises(AssertionError):
        fuzz(Target(inputs=inputs, read=fill, large=(lambda: 2**28,)), 3)
    with pytest.raises(MemoryError):
        fuzz(Target(inputs=inputs, read=fill, large=(lambda: 2**32,)), 3)
