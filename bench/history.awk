# Prints a linearizable history of CALLS calls on KEYS keys as JSON lines (docs/cli.md, "Check a history"), the same one each time:
#   awk -v calls=100000 -v keys=1000 -f bench/history.awk >history.jsonl
# 32 clients get, put, compare and set, and delete the 8 keys of a window that moves over all of them, so that about four calls are
# open on a key at any time. Each takes effect at some moment between its two lines. One write of 200 is of unknown outcome.

function rnd(n) { seed = (seed * 16807) % 2147483647; return int(seed / 2147483647 * n) }

function line(c, type, value,    text) {
    text = "{\"process\":" process[c] ",\"type\":\"" type "\",\"f\":\"" f[c] "\",\"key\":\"k" key[c] "\""
    if (value != "") text = text ",\"value\":\"" value "\""
    if (f[c] == "cas") text = text ",\"expected\":\"" expected[c] "\""
    print text "}"
}

function begin(c,    kind) {
    key[c] = (int(begun * keys / calls) + rnd(8)) % keys
    kind = rnd(20)
    f[c] = kind < 10 ? "read" : kind < 17 ? "write" : kind < 19 ? "cas" : "delete"
    if (f[c] == "cas" && (held[key[c]] == "")) f[c] = "write"
    wanted[c] = f[c] == "write" || f[c] == "cas" ? "v" (++written) : ""
    expected[c] = f[c] == "cas" ? held[key[c]] : ""
    begun++
    open++
    state[c] = 1
    line(c, "invoke", wanted[c])
}

function effect(c) {
    fits[c] = 1
    if (f[c] == "read") wanted[c] = held[key[c]]
    else if (f[c] == "cas" && held[key[c]] != expected[c]) fits[c] = 0
    else held[key[c]] = wanted[c]
    state[c] = 2
}

function end(c, type) {
    line(c, type, wanted[c])
    state[c] = 0
    open--
    # A process that does not know what became of its call makes no other.
    if (type == "info") process[c] += clients
}

BEGIN {
    clients = 32
    seed = 20261122
    for (c = 0; c < clients; c++) process[c] = c
    while (begun < calls || open > 0) {
        c = rnd(clients)
        if (state[c] == 0) { if (begun < calls) begin(c) }
        else if (f[c] != "read" && rnd(400) == 0) end(c, "info")
        else if (state[c] == 1) effect(c)
        else end(c, fits[c] ? "ok" : "fail")
    }
}
