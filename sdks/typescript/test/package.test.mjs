// What is published, as a program elsewhere has it: packed, unpacked beside its declared dependencies and nothing else.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const home = fileURLToPath(new URL('..', import.meta.url));
let folder;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'norikv-package-'));
  const { stdout } = await run('npm', ['pack', '--silent', '--pack-destination', folder], { cwd: home });
  const unpacked = join(folder, 'node_modules/@norikv/client');
  mkdirSync(unpacked, { recursive: true });
  await run('tar', ['-xf', join(folder, stdout.trim()), '-C', unpacked, '--strip-components=1']);
  const declared = await run('npm', ['ls', '--omit=dev', '--all', '--parseable'], { cwd: home });
  for (const path of declared.stdout.trim().split('\n').slice(1)) cpSync(path, join(folder, relative(home, path)), { recursive: true });
});
after(() => rmSync(folder, { recursive: true, force: true }));

const body = `
const kv = connect({ addresses: ['127.0.0.1:1'], retry: { attemptsMax: 1 } });
export const textOf = (result: GetResult): string => result.value.toString('utf8');
export const never = () => kv.batch([
  { put: { key: 'a', value: 'b' } }, { get: { key: 'a' } }, { delete: { key: 'a' } },
  // @ts-expect-error one operation each
  { put: { key: 'a', value: 'b' }, get: { key: 'a' } },
]);
export const read = async (signal: AbortSignal): Promise<string[]> => {
  const keys: string[] = [];
  for await (const pair of kv.scan({ prefix: 'a', signal, consistency: 'lease' })) keys.push(pair.key.toString());
  return keys;
};
kv.put('a', 'b', { ttlMs: 5, idempotencyKey: 'x' }).catch((e: unknown) => {
  console.log(e instanceof UnavailableError ? e.code : e);
  return kv.close();
});
`;
const client = "import { connect, type GetResult, UnavailableError } from '@norikv/client';\n";
const server = `import { EphemeralServer } from '@norikv/client/testing';
export const start = (): Promise<EphemeralServer> => EphemeralServer.start({ configuration: '{}' });
`;

async function compile(...files) {
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({
    compilerOptions: {
      strict: true, module: 'nodenext', target: 'es2022', lib: ['es2022'], types: [], skipLibCheck: false, exactOptionalPropertyTypes: true,
    },
    files,
  }));
  await run('node', [join(home, 'node_modules/typescript/bin/tsc'), '-p', folder], { cwd: folder }).catch((e) => assert.fail(e.stdout));
}

test('a program compiles against its types and runs, as both kinds of modules, without anything else being installed', async () => {
  writeFileSync(join(folder, 'esm.mts'), client + body);
  writeFileSync(join(folder, 'cjs.cts'), client + server + body);
  // Apart, so that neither has what the other brings.
  await compile('esm.mts');
  await compile('cjs.cts');
  for (const program of ['esm.mjs', 'cjs.cjs']) {
    const { stdout } = await run(process.execPath, [program], { cwd: folder, timeout: 60_000 });
    assert.equal(stdout, 'UNAVAILABLE\n');
  }
});
