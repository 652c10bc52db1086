"""Ways to damage a packed file."""

import random


def flip(data: bytearray, rng: random.Random) -> bytearray:
    for _ in range(rng.choice((1, 1, 1, 2, 8, 64))):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return data


def truncate(data: bytearray, rng: random.Random) -> bytearray:
    return data[: rng.randrange(len(data))]


def lengthen(data: bytearray, rng: random.Random) -> bytearray:
    place = rng.randrange(len(data))
    return data[:place] + rng.randbytes(rng.randrange(1, 300)) + data[place:]


def other_length(data: bytearray, rng: random.Random) -> bytearray:
    value = rng.choice((rng.randrange(2**64), rng.randrange(len(data) + 9), rng.randrange(2**28)))
    return bytearray(value.to_bytes(8, 'little')) + data[8:]


def other_number(data: bytearray, rng: random.Random) -> bytearray:
    """Another offset, extent or version in the header."""
    length = int.from_bytes(data[:8], 'little')
    text = data[8 : 8 + length]
    places = [i for i in range(len(text)) if text[i : i + 1].isdigit()]
    place = rng.choice(places)
    digits = rng.choice((b'0', b'7', b'99', b'-1', b'1e9', b'4294967296', b'18446744073709551615'))
    text = text[:place] + digits + text[place + 1 :]
    return bytearray(len(text).to_bytes(8, 'little')) + text + data[8 + length :]


def swap_blocks(data: bytearray, rng: random.Random) -> bytearray:
    size = rng.randrange(1, 64)
    a, b = (rng.randrange(8, len(data) - size) for _ in range(2))
    data[a : a + size], data[b : b + size] = data[b : b + size], data[a : a + size]
    return data


WAYS = (flip, truncate, lengthen, other_length, other_number, swap_blocks)
