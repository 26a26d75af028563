from __future__ import annotations

import torch

from trainable.memory import forget_peak_memory, peak_memory_bytes

CPU = torch.device("cpu")
N_BYTES = 100 * 2**20


def test_the_peak_holds_what_was_freed_until_it_is_forgotten():
    forget_peak_memory(CPU)
    before = peak_memory_bytes(CPU)
    block = torch.ones(N_BYTES // 4)
    del block
    assert peak_memory_bytes(CPU) >= before + 0.9 * N_BYTES
    forget_peak_memory(CPU)
    assert peak_memory_bytes(CPU) < before + 0.5 * N_BYTES
