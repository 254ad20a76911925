// Writes src/proto.ts, the wire contract as a string, so that the package reads no file at run time.
const { readFileSync, writeFileSync } = require('node:fs');
const { join } = require('node:path');

const text = readFileSync(join(__dirname, '../../proto/norikv.proto'), 'utf8');
writeFileSync(join(__dirname, 'src/proto.ts'), `// Written by embed-proto.cjs from proto/norikv.proto.
export const PROTO = ${JSON.stringify(text).replaceAll('\\n', '\\n" +\n  "').replace(/ \+\n {2}""$/, '')};
`);
