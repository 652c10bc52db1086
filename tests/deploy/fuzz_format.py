"""Read damaged packed files with little memory; a process of its own, which may die of it.

    python -m deploy.fuzz_format FILE NUMBER

prints how many of NUMBER mutations of FILE were refused, after a line that
says that the limit of memory holds.
"""

import io
import random
import resource
import sys

import torch
from deploy.file_content import same
from deploy.mutations import WAYS

from surge_mmdet.deploy.format import read, read_from

SPARE = 256 * 2**20  # bytes that reading a file of some kB may ask for


def limit_memory() -> None:
    """From here on an allocation that is far larger than the file fails, and is no ValueError."""
    with open('/proc/self/statm') as statm:
        size = int(statm.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(
        resource.RLIMIT_AS, (size + SPARE, resource.getrlimit(resource.RLIMIT_AS)[1])
    )
    try:
        torch.zeros(2 * SPARE, dtype=torch.uint8)
    except (MemoryError, RuntimeError):
        print('the limit holds')


def refused(path: str, mutations: int) -> int:
    """How many mutations raise ValueError; of the others the contents have to be the same."""
    rng, want = random.Random(0), read(path)
    with open(path, 'rb') as file:
        data = file.read()
    count = 0
    for number in range(mutations):
        way = WAYS[number % len(WAYS)]
        try:
            found = read_from(io.BytesIO(way(bytearray(data), rng)), path)
        except ValueError:
            count += 1
            continue
        if not same(found, want):
            sys.exit(f'mutation {number}, {way.__name__}: other contents')
    return count


if __name__ == '__main__':
    limit_memory()
    print(refused(sys.argv[1], int(sys.argv[2])))
