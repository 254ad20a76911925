// Says of each half of dist what its files are; Node goes by the nearest package.json.
const { writeFileSync } = require('node:fs');

writeFileSync('dist/esm/package.json', '{"type":"module"}\n');
writeFileSync('dist/cjs/package.json', '{"type":"commonjs"}\n');
