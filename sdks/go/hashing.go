package norikv

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

const (
	prime1 uint64 = 0x9E3779B185EBCA87
	prime2 uint64 = 0xC2B2AE3D27D4EB4F
	prime3 uint64 = 0x165667B19E3779F9
	prime4 uint64 = 0x85EBCA77C2B2AE63
	prime5 uint64 = 0x27D4EB2F165667C5
)

func hashRound(acc, lane uint64) uint64 { return bits.RotateLeft64(acc+lane*prime2, 31) * prime1 }

// XxHash64 is xxHash64 with seed 0 (https://github.com/Cyan4973/xxHash, doc/xxhash_spec.md).
func XxHash64(data []byte) uint64 {
	length := uint64(len(data))
	var h uint64
	if len(data) >= 32 {
		p1, p2 := prime1, prime2
		a, b, c, d := p1+p2, p2, uint64(0), -p1
		for len(data) >= 32 {
			a = hashRound(a, binary.LittleEndian.Uint64(data))
			b = hashRound(b, binary.LittleEndian.Uint64(data[8:]))
			c = hashRound(c, binary.LittleEndian.Uint64(data[16:]))
			d = hashRound(d, binary.LittleEndian.Uint64(data[24:]))
			data = data[32:]
		}
		h = bits.RotateLeft64(a, 1) + bits.RotateLeft64(b, 7) + bits.RotateLeft64(c, 12) + bits.RotateLeft64(d, 18)
		for _, lane := range [...]uint64{a, b, c, d} {
			h = (h^hashRound(0, lane))*prime1 + prime4
		}
	} else {
		h = prime5
	}
	h += length
	for ; len(data) >= 8; data = data[8:] {
		h = bits.RotateLeft64(h^hashRound(0, binary.LittleEndian.Uint64(data)), 27)*prime1 + prime4
	}
	if len(data) >= 4 {
		h = bits.RotateLeft64(h^uint64(binary.LittleEndian.Uint32(data))*prime1, 23)*prime2 + prime3
		data = data[4:]
	}
	for _, b := range data {
		h = bits.RotateLeft64(h^uint64(b)*prime5, 11) * prime1
	}
	h = (h ^ h>>33) * prime2
	h = (h ^ h>>29) * prime3
	return h ^ h>>32
}

// JumpHash is jump consistent hash (Lamping and Veach, 2014, https://arxiv.org/abs/1406.2294, figure 1).
func JumpHash(key uint64, buckets int) int {
	bucket, next := int64(-1), int64(0)
	for next < int64(buckets) {
		bucket = next
		key = key*2862933555777941757 + 1
		next = int64(float64(bucket+1) * (float64(int64(1)<<31) / float64((key>>33)+1)))
	}
	return int(bucket)
}

// HashedPart is, with hash tags, the bytes between the first { and the first } behind it, where there are any; else the key.
func HashedPart(key []byte) []byte {
	start := bytes.IndexByte(key, '{')
	if start < 0 {
		return key
	}
	if length := bytes.IndexByte(key[start+1:], '}'); length > 0 {
		return key[start+1 : start+1+length]
	}
	return key
}

// ShardOf is the shard of a key.
func ShardOf(key []byte, totalShards int, hashTags bool) int {
	if hashTags {
		key = HashedPart(key)
	}
	return JumpHash(XxHash64(key), totalShards)
}
