// grpc-js against the echo service of Nori.Grpc.Server.Tests: node echo_check.js HOST:PORT
'use strict';
const assert = require('node:assert');
const grpc = require('@grpc/grpc-js');
const { check, collect, deadline, fails, load, run, unary } = require('./checks');

const bytes = {
  requestSerialize: (message) => message,
  requestDeserialize: (message) => message,
  responseSerialize: (message) => message,
  responseDeserialize: (message) => message,
};
const method = (name, requestStream, responseStream) =>
  ({ ...bytes, path: `/nori.test.Echo/${name}`, requestStream, responseStream });
const Echo = grpc.makeGenericClientConstructor({
  say: method('Say', false, false),
  fail: method('Fail', false, false),
  hang: method('Hang', false, false),
  nothing: method('Nothing', false, false),
  repeat: method('Repeat', false, true),
  concat: method('Concat', true, false),
  chat: method('Chat', true, true),
}, 'Echo');
const { status } = grpc;

check('unary messages of any size', async (echo) => {
  for (const size of [0, 1, 70000, 1 << 20, 4 << 20]) {
    assert.equal((await unary(echo, 'say', Buffer.alloc(size, 7))).length, size);
  }
});

check('a message above the limit is RESOURCE_EXHAUSTED', async (echo) => {
  await fails(status.RESOURCE_EXHAUSTED, unary(echo, 'say', Buffer.alloc((4 << 20) + 1)));
});

check('metadata travels as text and bytes', async (echo) => {
  const metadata = new grpc.Metadata();
  metadata.set('x-text', 'hello');
  metadata.set('x-raw-bin', Buffer.from([0, 255, 1]));
  const seen = await new Promise((resolve, reject) => {
    const result = {};
    const call = echo.say(Buffer.alloc(0), metadata, deadline(), (error) => error && reject(error));
    call.on('metadata', (headers) => { result.headers = headers; });
    call.on('status', (end) => { result.trailers = end.metadata; resolve(result); });
  });
  assert.deepEqual(seen.headers.get('x-text'), ['hello']);
  assert.deepEqual(seen.trailers.get('x-raw-bin'), [Buffer.from([0, 255, 1])]);
});

check('every status code arrives', async (echo) => {
  for (let code = 1; code <= 16; code++) {
    const error = await fails(code, unary(echo, 'fail', Buffer.from(`${code}`)));
    assert.equal(error.details, `code ${code}`);
  }
});

check('an error has its message and trailers', async (echo) => {
  const error = await fails(status.UNAVAILABLE, unary(echo, 'fail', Buffer.from('trailers')));
  assert.equal(error.details, 'NOT_LEADER: ask »n2« 100%\n');
  assert.deepEqual(error.metadata.get('leader-hint'), ['10.0.0.1:7447']);
});

check('an unknown method is UNIMPLEMENTED', (echo) =>
  fails(status.UNIMPLEMENTED, unary(echo, 'nothing', Buffer.alloc(0))));

check('a compressed message is UNIMPLEMENTED', async (_, address) => {
  const gzip = new Echo(address, grpc.credentials.createInsecure(), { 'grpc.default_compression_algorithm': 2 });
  await fails(status.UNIMPLEMENTED, unary(gzip, 'say', Buffer.alloc(100000)));
  gzip.close();
});

check('server streams end and fail', async (echo) => {
  assert.equal((await collect(echo.repeat(Buffer.from([5, 1]), deadline()))).length, 5);
  assert.equal((await collect(echo.repeat(Buffer.from([0]), deadline()))).length, 0);
  const error = await fails(status.OUT_OF_RANGE, collect(echo.repeat(Buffer.from([101]), deadline())));
  assert.equal(error.received.length, 100);
});

check('a server stream is cancelled', async (echo) => {
  const stream = echo.repeat(Buffer.alloc(1000, 255));
  stream.once('data', () => stream.cancel());
  await fails(status.CANCELLED, collect(stream));
});

check('client streams are collected', async (echo) => {
  const concat = (messages) => new Promise((resolve, reject) => {
    const call = echo.concat(deadline(), (error, response) => error ? reject(error) : resolve(response));
    messages.forEach((message) => call.write(message));
    call.end();
  });
  assert.equal((await concat(Array(100).fill(Buffer.from('abc')))).toString(), 'abc'.repeat(100));
  assert.equal((await concat([])).length, 0);
  await fails(status.ABORTED, concat([Buffer.from([255]), Buffer.from('more')]));
});

check('duplex streams answer each message', async (echo) => {
  const call = echo.chat(deadline());
  const answers = collect(call);
  const sent = Array.from({ length: 200 }, (_, i) => Buffer.alloc(i * 500, i));
  sent.forEach((message) => call.write(message));
  call.end();
  const received = await answers;
  assert.equal(received.length, sent.length);
  received.forEach((message, i) => assert.ok(message.equals(sent[i])));
});

check('a deadline is exceeded', (echo) =>
  fails(status.DEADLINE_EXCEEDED, unary(echo, 'hang', Buffer.alloc(0), new grpc.Metadata(), deadline(200))));

check('a call is cancelled', (echo) => fails(status.CANCELLED, new Promise((resolve, reject) => {
  const call = echo.hang(Buffer.alloc(0), deadline(), (error, response) => error ? reject(error) : resolve(response));
  setTimeout(() => call.cancel(), 50);
})));

check('three hundred calls run at once', async (echo) => {
  const answers = await Promise.all(
    Array.from({ length: 300 }, (_, i) => unary(echo, 'say', Buffer.from(`${i}`))));
  answers.forEach((answer, i) => assert.equal(answer.toString(), `${i}`));
});

check('health is checked and watched', async (_, address) => {
  const { Health } = load('grpc/health.proto').grpc.health.v1;
  const health = new Health(address, grpc.credentials.createInsecure());
  assert.equal((await unary(health, 'Check', {})).status, 'SERVING');
  await fails(status.NOT_FOUND, unary(health, 'Check', { service: 'no' }));
  const watch = health.Watch({}, deadline());
  watch.once('data', (response) => { assert.equal(response.status, 'SERVING'); watch.cancel(); });
  await fails(status.CANCELLED, collect(watch));
  health.close();
});

check('reflection lists services', async (_, address) => {
  for (const version of ['v1', 'v1alpha']) {
    const { ServerReflection } = load(`grpc/reflection_${version}.proto`).grpc.reflection[version];
    const client = new ServerReflection(address, grpc.credentials.createInsecure());
    const call = client.ServerReflectionInfo(deadline());
    const answers = collect(call);
    call.write({ list_services: '*' });
    call.end();
    const [answer] = await answers;
    assert.ok(answer.list_services_response.service.some((s) => s.name === 'grpc.health.v1.Health'));
    client.close();
  }
});

const address = process.argv[2];
run(new Echo(address, grpc.credentials.createInsecure(), { 'grpc.max_receive_message_length': 8 << 20 }), address);
