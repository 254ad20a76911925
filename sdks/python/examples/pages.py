#!/usr/bin/env python3
"""Pages as a web page would show them: the token is all that is kept between two requests."""
import norikv

with norikv.Client() as kv:
    kv.batch([norikv.Put(f"example:page:{i:03}", "x") for i in range(25)])
    token, shown = b"", 0
    while True:
        page = kv.scan_page(prefix="example:page:", limit=10, page_token=token)
        print(f"{len(page.pairs)} pairs from {page.pairs[0].key.decode()}")
        token, shown = page.next_page_token, shown + len(page.pairs)
        if not token:
            break
    print("shown", shown)
