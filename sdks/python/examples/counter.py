#!/usr/bin/env python3
"""Many tasks count up one key; compare-and-set loses none of them. Run it against the nodes of NORIKV_ADDR."""
import asyncio

import norikv


async def increment(kv: norikv.AsyncClient, key: str) -> None:
    while True:
        now = await kv.get(key)
        try:
            await kv.compare_and_set(key, str(int(now.value or b"0") + 1), now.version)
            return
        except (norikv.VersionMismatchError, norikv.AlreadyExistsError):
            pass  # somebody was faster: read again


async def main() -> None:
    async with norikv.AsyncClient() as kv:
        await kv.delete("example:counter")
        await asyncio.gather(*(increment(kv, "example:counter") for _ in range(20)))
        print("counted to", (await kv.get("example:counter")).text)


if __name__ == "__main__":
    asyncio.run(main())
