// Pages as a web page would show them: the token is all that is kept between two requests.
import { connect } from '@norikv/client';

const kv = connect();
await kv.batch(Array.from({ length: 25 }, (_, i) => ({ put: { key: `example:page:${String(i).padStart(3, '0')}`, value: 'x' } })));
let pageToken;
let shown = 0;
do {
  const page = await kv.scanPage({ prefix: 'example:page:', limit: 10, pageToken });
  console.log(`${page.pairs.length} pairs from ${page.pairs[0].key}`);
  pageToken = page.nextPageToken;
  shown += page.pairs.length;
} while (pageToken.length > 0);
console.log('shown', shown);
await kv.close();
