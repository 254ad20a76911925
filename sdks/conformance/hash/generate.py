#!/usr/bin/env python3
"""Writes vectors.json: keys, their xxHash64 by Debian's xxhsum, and their shards by the published jump hash.

Nothing of NoriKV takes part, so what agrees with these vectors agrees with the world. Needs xxhsum (package xxhash).
"""
import json
import os
import pathlib
import subprocess
import tempfile

SHARD_COUNTS = [1, 2, 3, 7, 16, 100, 1000, 1024, 4096, 65536]


def jump(key: int, buckets: int) -> int:
    """Lamping and Veach, A Fast, Minimal Memory, Consistent Hash Algorithm (2014), figure 1."""
    b, j = -1, 0
    while j < buckets:
        b = j
        key = (key * 2862933555777941757 + 1) & 0xFFFFFFFFFFFFFFFF
        j = int((b + 1) * ((1 << 31) / ((key >> 33) + 1)))
    return b


def keys() -> list[bytes]:
    pattern = bytes((i * 151 + 7) & 0xFF for i in range(1024))
    found = [b"", b"a", b"hello", b"user:123", b"\x00", b"\xff", b"\x00\x00", "schlüssel".encode(), "鍵".encode(), "🔑".encode()]
    # Every length up to two stripes and a tail: each path through the hash.
    found += [pattern[:n] for n in range(1, 101)]
    found += [pattern[:n] for n in (127, 128, 129, 255, 256, 257, 511, 512, 1000, 1023, 1024)]
    found += [b"user:%d" % i for i in range(40)]
    return found


def tagged() -> list[tuple[bytes, bytes]]:
    """With hash_tags: only what stands inside the first {} is hashed, where there is something."""
    return [
        (b"{user:1}:name", b"user:1"), (b"a{b}c{d}e", b"b"), (b"{}x", b"{}x"), (b"no tag", b"no tag"), (b"open{only", b"open{only"),
        (b"}{x}", b"x"), (b"{{x}}", b"{x"), (b"{}{x}", b"{}{x}"),
    ]


def xxh64(data: list[bytes]) -> list[int]:
    with tempfile.TemporaryDirectory() as folder:
        names = []
        for i, one in enumerate(data):
            names.append(os.path.join(folder, "%05d" % i))
            pathlib.Path(names[-1]).write_bytes(one)
        out = subprocess.run(["xxhsum", "-H64", *names], check=True, capture_output=True, text=True).stdout
        return [int(line.split()[0], 16) for line in out.splitlines()]


def main() -> None:
    plain = keys()
    with_tags = tagged()
    hashes = xxh64(plain)
    tag_hashes = xxh64([inside for _, inside in with_tags])
    vectors = [
        json.dumps({"key_hex": k.hex(), "xxh64": str(h), "shards": [jump(h, n) for n in SHARD_COUNTS]})
        for k, h in zip(plain, hashes)]
    tags = [
        json.dumps({"key_hex": k.hex(), "hashed_hex": inside.hex(), "xxh64": str(h), "shards": [jump(h, n) for n in SHARD_COUNTS]})
        for (k, inside), h in zip(with_tags, tag_hashes)]
    text = '{\n  "shard_counts": %s,\n  "vectors": [\n    %s\n  ],\n  "hash_tags": [\n    %s\n  ]\n}\n' % (
        json.dumps(SHARD_COUNTS), ",\n    ".join(vectors), ",\n    ".join(tags))
    pathlib.Path(__file__).with_name("vectors.json").write_text(text)


if __name__ == "__main__":
    main()
