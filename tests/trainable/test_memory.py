from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import torch

from trainable.memory import forget_peak_memory, peak_memory_bytes

ROOT = Path(__file__).resolve().parents[2]

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


# In a process of its own, as a setting of the C library is for good.
NEW_PAGES_AND_GROWTH = """
import resource, torch
from trainable.memory import forget_peak_memory, keep_freed_memory, peak_memory_bytes

CPU = torch.device("cpu")

def n_pages():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

{keep}
forget_peak_memory(CPU)
before = peak_memory_bytes(CPU)
for _ in range(20):  # glibc puts some aside at first
    start = n_pages()
    block = torch.ones(2**20 * 10)  # 40 MiB
    del block
print(n_pages() - start)
forget_peak_memory(CPU)
print(peak_memory_bytes(CPU) - before)
"""


def new_pages_and_growth(keep: str) -> tuple[int, int]:
    """Pages that the last of twenty tensors had to ask for, and bytes that stay at the end."""
    done = subprocess.run(
        [sys.executable, "-c", NEW_PAGES_AND_GROWTH.format(keep=keep)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    pages, growth = map(int, done.stdout.split())
    return pages, growth


def test_a_tensor_takes_the_memory_of_one_before_and_a_trial_gives_back_what_is_free():
    pages, growth = new_pages_and_growth("keep_freed_memory()")
    assert pages < 10
    assert growth < 20 * 2**20
    pages, _ = new_pages_and_growth("")
    assert pages >= 20  # of 2 MiB at the largest
