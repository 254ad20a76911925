"""Key to shard: jump_consistent_hash(xxhash64(key, seed 0), total_shards). Part of the wire contract."""
from __future__ import annotations

_MASK = 0xFFFFFFFFFFFFFFFF
_P1 = 0x9E3779B185EBCA87
_P2 = 0xC2B2AE3D27D4EB4F
_P3 = 0x165667B19E3779F9
_P4 = 0x85EBCA77C2B2AE63
_P5 = 0x27D4EB2F165667C5


def _rotate(x: int, bits: int) -> int:
    return ((x << bits) | (x >> (64 - bits))) & _MASK


def _round(acc: int, lane: int) -> int:
    return (_rotate((acc + lane * _P2) & _MASK, 31) * _P1) & _MASK


def _python_xxhash64(data: bytes) -> int:
    """xxHash64 with seed 0 (https://github.com/Cyan4973/xxHash, doc/xxhash_spec.md)."""
    length, at = len(data), 0
    if length >= 32:
        a, b, c, d = (_P1 + _P2) & _MASK, _P2, 0, -_P1 & _MASK
        while at + 32 <= length:
            a = _round(a, int.from_bytes(data[at:at + 8], "little"))
            b = _round(b, int.from_bytes(data[at + 8:at + 16], "little"))
            c = _round(c, int.from_bytes(data[at + 16:at + 24], "little"))
            d = _round(d, int.from_bytes(data[at + 24:at + 32], "little"))
            at += 32
        h = (_rotate(a, 1) + _rotate(b, 7) + _rotate(c, 12) + _rotate(d, 18)) & _MASK
        for lane in (a, b, c, d):
            h = ((h ^ _round(0, lane)) * _P1 + _P4) & _MASK
    else:
        h = _P5
    h = (h + length) & _MASK
    while at + 8 <= length:
        h = (_rotate(h ^ _round(0, int.from_bytes(data[at:at + 8], "little")), 27) * _P1 + _P4) & _MASK
        at += 8
    if at + 4 <= length:
        h = (_rotate(h ^ (int.from_bytes(data[at:at + 4], "little") * _P1 & _MASK), 23) * _P2 + _P3) & _MASK
        at += 4
    for byte in data[at:]:
        h = (_rotate(h ^ (byte * _P5 & _MASK), 11) * _P1) & _MASK
    h = ((h ^ (h >> 33)) * _P2) & _MASK
    h = ((h ^ (h >> 29)) * _P3) & _MASK
    return h ^ (h >> 32)


try:  # The C implementation where it is installed: the same numbers, faster.
    from xxhash import xxh64_intdigest as xxhash64
except ImportError:
    xxhash64 = _python_xxhash64


def jump_hash(key: int, buckets: int) -> int:
    """Jump consistent hash (Lamping and Veach, 2014, https://arxiv.org/abs/1406.2294, figure 1)."""
    if buckets < 1:
        raise ValueError("buckets must be positive")
    bucket, following = -1, 0
    while following < buckets:
        bucket = following
        key = (key * 2862933555777941757 + 1) & _MASK
        following = int((bucket + 1) * ((1 << 31) / ((key >> 33) + 1)))
    return bucket


def hashed_part(key: bytes) -> bytes:
    """With hash tags: the bytes between the first { and the first } behind it, where there are any; else the key."""
    start = key.find(b"{")
    if start < 0:
        return key
    end = key.find(b"}", start + 1)
    return key[start + 1:end] if end > start + 1 else key


def shard_of(key: bytes, total_shards: int, hash_tags: bool = False) -> int:
    """The shard of a key."""
    return jump_hash(xxhash64(hashed_part(key) if hash_tags else key), total_shards)
