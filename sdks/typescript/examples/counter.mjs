// Many tasks count up one key; compare-and-set loses none of them. Run it against the nodes of NORIKV_ADDR.
import { connect } from '@norikv/client';

const kv = connect();

async function increment(key) {
  while (true) {
    const now = await kv.get(key);
    try {
      await kv.compareAndSet(key, String(Number(now.value.toString()) + 1), now.version);
      return;
    } catch (e) {
      if (e.code !== 'VERSION_MISMATCH' && e.code !== 'ALREADY_EXISTS') throw e; // else somebody was faster: read again
    }
  }
}

await kv.delete('example:counter');
await Promise.all(Array.from({ length: 20 }, () => increment('example:counter')));
console.log('counted to', (await kv.get('example:counter')).value.toString());
await kv.close();
