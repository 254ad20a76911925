package main

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

// data is the forms of bytes of the vocabulary.
type data struct{ prefix string }

func (d data) text(form, i string) string {
	return strings.ReplaceAll(strings.ReplaceAll(form, "{run}", d.prefix), "{i}", i)
}

func (d data) bytes(form interface{}, i string) []byte {
	if text, ok := form.(string); ok {
		return []byte(d.text(text, i))
	}
	fields := form.(object)
	if text, ok := fields["hex"]; ok {
		return unhex(text)
	}
	return bytes.Repeat(unhex(fields["fill"]), number(fields["times"]))
}

func (d data) key(form interface{}, i string) []byte {
	if fields, ok := form.(object); ok {
		if raw, ok := fields["raw"]; ok {
			return []byte(raw.(string))
		}
		if size, ok := fields["size"]; ok {
			return []byte(d.prefix + strings.Repeat("k", number(size)-len(d.prefix)))
		}
	}
	return append([]byte(d.prefix), d.bytes(form, i)...)
}

func (d data) keys(form interface{}) (keys [][]byte) {
	if list, ok := form.([]interface{}); ok {
		for _, one := range list {
			keys = append(keys, d.key(one, ""))
		}
		return keys
	}
	fields := form.(object)
	first, last, step := number(fields["first"]), number(fields["last"]), 1
	if last < first {
		step = -1
	}
	for n := first; n != last+step; n += step {
		keys = append(keys, []byte(fmt.Sprintf("%s%s%0*d", d.prefix, fields["numbered"], number(fields["digits"]), n)))
	}
	return keys
}

func unhex(form interface{}) []byte {
	decoded, err := hex.DecodeString(form.(string))
	if err != nil {
		panic(err)
	}
	return decoded
}

func number(form interface{}) int {
	switch n := form.(type) {
	case float64:
		return int(n)
	case string:
		parsed, _ := strconv.Atoi(n)
		return parsed
	}
	return 0
}

func flag(fields object, name string) bool {
	set, _ := fields[name].(bool)
	return set
}
