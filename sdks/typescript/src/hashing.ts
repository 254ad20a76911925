// Key to shard: jump_consistent_hash(xxhash64(key, seed 0), totalShards). Part of the wire contract.

const P1 = 0x9e3779b185ebca87n;
const P2 = 0xc2b2ae3d27d4eb4fn;
const P3 = 0x165667b19e3779f9n;
const P4 = 0x85ebca77c2b2ae63n;
const P5 = 0x27d4eb2f165667c5n;

const u64 = (x: bigint): bigint => BigInt.asUintN(64, x);
const rotate = (x: bigint, bits: bigint): bigint => u64(x << bits) | (x >> (64n - bits));
const round = (acc: bigint, lane: bigint): bigint => u64(rotate(u64(acc + lane * P2), 31n) * P1);

/** xxHash64 with seed 0 (https://github.com/Cyan4973/xxHash, doc/xxhash_spec.md). */
export function xxhash64(data: Uint8Array): bigint {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const length = data.byteLength;
  let at = 0;
  let h: bigint;
  if (length >= 32) {
    let a = u64(P1 + P2);
    let b = P2;
    let c = 0n;
    let d = u64(-P1);
    for (; at + 32 <= length; at += 32) {
      a = round(a, view.getBigUint64(at, true));
      b = round(b, view.getBigUint64(at + 8, true));
      c = round(c, view.getBigUint64(at + 16, true));
      d = round(d, view.getBigUint64(at + 24, true));
    }
    h = u64(rotate(a, 1n) + rotate(b, 7n) + rotate(c, 12n) + rotate(d, 18n));
    for (const lane of [a, b, c, d]) h = u64((h ^ round(0n, lane)) * P1 + P4);
  } else {
    h = P5;
  }
  h = u64(h + BigInt(length));
  for (; at + 8 <= length; at += 8) h = u64(rotate(h ^ round(0n, view.getBigUint64(at, true)), 27n) * P1 + P4);
  if (at + 4 <= length) {
    h = u64(rotate(h ^ u64(BigInt(view.getUint32(at, true)) * P1), 23n) * P2 + P3);
    at += 4;
  }
  for (; at < length; at++) h = u64(rotate(h ^ u64(BigInt(view.getUint8(at)) * P5), 11n) * P1);
  h = u64((h ^ (h >> 33n)) * P2);
  h = u64((h ^ (h >> 29n)) * P3);
  return h ^ (h >> 32n);
}

/** Jump consistent hash (Lamping and Veach, 2014, https://arxiv.org/abs/1406.2294, figure 1). */
export function jumpHash(key: bigint, buckets: number): number {
  if (!(buckets >= 1)) throw new RangeError('buckets must be positive');
  let bucket = -1;
  let next = 0;
  while (next < buckets) {
    bucket = next;
    key = u64(key * 2862933555777941757n + 1n);
    next = Math.floor((bucket + 1) * (2147483648 / (Number(key >> 33n) + 1)));
  }
  return bucket;
}

/** With hash tags: the bytes between the first { and the first } behind it, where there are any; else the key. */
export function hashedPart(key: Uint8Array): Uint8Array {
  const start = key.indexOf(0x7b);
  if (start < 0) return key;
  const end = key.indexOf(0x7d, start + 1);
  return end > start + 1 ? key.subarray(start + 1, end) : key;
}

/** The shard of a key. */
export function shardOf(key: Uint8Array | string, totalShards: number, hashTags = false): number {
  const bytes = typeof key === 'string' ? Buffer.from(key) : key;
  return jumpHash(xxhash64(hashTags ? hashedPart(bytes) : bytes), totalShards);
}
