// The shard of a key: xxHash64 and the jump consistent hash, as docs/wire.md has them.

const M = (1n << 64n) - 1n, P1 = 11400714785074694791n, P2 = 14029467366897019727n, P3 = 1609587929392839161n, P4 = 9650029242287828579n, P5 = 2870177450012600261n;
const rotate = (x, n) => ((x << n) | (x >> (64n - n))) & M;
const round = (acc, lane) => rotate((acc + lane * P2) & M, 31n) * P1 & M;

export function xxh64(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), n = bytes.length;
  let at = 0, h;
  if (n >= 32) {
    let v = [(P1 + P2) & M, P2, 0n, (-P1) & M];
    for (; at + 32 <= n; at += 32) v = v.map((x, i) => round(x, view.getBigUint64(at + 8 * i, true)));
    h = (rotate(v[0], 1n) + rotate(v[1], 7n) + rotate(v[2], 12n) + rotate(v[3], 18n)) & M;
    for (const x of v) h = ((h ^ round(0n, x)) * P1 + P4) & M;
  } else h = P5;
  h = (h + BigInt(n)) & M;
  for (; at + 8 <= n; at += 8) h = (rotate(h ^ round(0n, view.getBigUint64(at, true)), 27n) * P1 + P4) & M;
  if (at + 4 <= n) { h = (rotate(h ^ (BigInt(view.getUint32(at, true)) * P1 & M), 23n) * P2 + P3) & M; at += 4; }
  for (; at < n; at++) h = rotate(h ^ (BigInt(bytes[at]) * P5 & M), 11n) * P1 & M;
  h = (h ^ (h >> 33n)) * P2 & M;
  h = (h ^ (h >> 29n)) * P3 & M;
  return h ^ (h >> 32n);
}

export function shardOf(bytes, shards, hashTags) {
  if (hashTags) {
    const open = bytes.indexOf(123), close = open < 0 ? -1 : bytes.indexOf(125, open + 1);
    if (close > open + 1) bytes = bytes.slice(open + 1, close);
  }
  let hash = xxh64(bytes), bucket = -1, next = 0;
  while (next < shards) {
    bucket = next;
    hash = (hash * 2862933555777941757n + 1n) & M;
    next = Math.floor((bucket + 1) * (2147483648 / (Number(hash >> 33n) + 1)));
  }
  return bucket;
}
