// Runs named checks, prints one line for each, and gives the exit code. Shared by the scripts beside it.
'use strict';
const assert = require('node:assert');
const path = require('node:path');
const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');

const root = path.resolve(__dirname, '..', '..', '..');
const registered = [];

exports.check = (name, action) => registered.push({ name, action });

/** Runs every check and ends the process: 0 when all passed, else 1. */
exports.run = async (...args) => {
  let failed = 0;
  for (const { name, action } of registered) {
    let timer;
    try {
      const patience = new Promise((_, reject) => {
        timer = setTimeout(() => reject(new Error('no end within 30 s')), 30000);
      });
      await Promise.race([action(...args), patience]);
      console.log(`ok   ${name}`);
    } catch (error) {
      failed++;
      console.log(`FAIL ${name}: ${error.stack}`);
    } finally {
      clearTimeout(timer);
    }
  }
  console.log(`${registered.length - failed} passed, ${failed} failed`);
  process.exit(failed ? 1 : 0);
};

/** The package of a .proto file below proto/. */
exports.load = (...files) => grpc.loadPackageDefinition(loader.loadSync(files, {
  includeDirs: [path.join(root, 'proto')], keepCase: true, longs: String, enums: String, defaults: true, oneofs: true,
}));

exports.deadline = (milliseconds = 20000) => ({ deadline: Date.now() + milliseconds });

/** Calls a unary method of a generated client. */
exports.unary = (client, method, request, metadata = new grpc.Metadata(), options = exports.deadline()) =>
  new Promise((resolve, reject) => client[method](request, metadata, options,
    (error, response) => error ? reject(error) : resolve(response)));

/** All messages of a readable stream. */
exports.collect = (stream) => new Promise((resolve, reject) => {
  const all = [];
  stream.on('data', (message) => all.push(message));
  stream.on('error', (error) => reject(Object.assign(error, { received: all })));
  stream.on('end', () => resolve(all));
});

/** The error of a promise that must end with the given status code. */
exports.fails = async (code, promise) => {
  let response;
  try {
    response = await promise;
  } catch (error) {
    assert.equal(error.code, code, `expected ${grpc.status[code]}, got ${error.message}`);
    return error;
  }
  throw new Error(`expected ${grpc.status[code]}, got ${JSON.stringify(response)}`);
};
