import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import {
  connectTcp,
  connectUnix,
  openDevice,
  TpmFormatError,
  TpmTransportError,
  type Transport,
} from 'node-tpm2-pts';

const COMMAND = Buffer.from('80010000000a0000017c', 'hex');
const RESPONSE = Buffer.from('80010000000c00000000abcd', 'hex');

async function scratch(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'domb-transport-'));
  t.after(() => rm(directory, { recursive: true }));
  return directory;
}

/** A server that hands each connection to `serve`. */
async function listen(t: TestContext, at: string | number, serve: (socket: Socket) => void) {
  const server: Server = createServer(serve);
  await new Promise<void>((resolve) => server.listen(at, resolve));
  t.after(() => server.close());
  return server;
}

for (const blocking of [false, true]) {
  const how = blocking ? 'a device that is waited for' : 'device';
  deviceTests(how, (path) => openDevice(path, { blocking }));
}

function deviceTests(how: string, openDevice: (path: string) => Promise<Transport>): void {
  test(`${how}: one write is one command, one read is one response`, async (t) => {
    // A FIFO opened for both directions gives back what was written: COMMAND is also a well-formed response.
    const path = join(await scratch(t), 'fifo');
    execFileSync('mkfifo', [path]);
    const device = await openDevice(path);
    assert.deepEqual(await device.transmit(COMMAND), COMMAND);
    const lie = Buffer.from('80010000000b00000000', 'hex');
    await assert.rejects(device.transmit(lie), TpmFormatError);
    const empty = Buffer.from('80010000000900000000', 'hex');
    await assert.rejects(device.transmit(empty), /claims 9 bytes/);
    const short = Buffer.from('8001', 'hex');
    await assert.rejects(device.transmit(short), {
      name: 'TpmAnswerError',
      message: `${path}: the answer is none of a TPM: it has 2 bytes, and a TPM's has 10 at least`,
    });
    await device.close();
  });

  test(`${how}: errors name the device, the call and errno`, async (t) => {
    const directory = await scratch(t);
    const cases: [path: string, errno: string, hint: RegExp][] = [
      [join(directory, 'tpmrm0'), 'ENOENT', /no TPM here/],
      [directory, 'EISDIR', /kernel log/],
    ];
    for (const [path, errno, hint] of cases) {
      await assert.rejects(openDevice(path), (error) => {
        assert.ok(error instanceof TpmTransportError);
        assert.equal(error.message, `${path}: open: ${errno}`);
        assert.equal(error.errno, errno);
        assert.match(error.hint, hint);
        return true;
      });
    }
    const full = await openDevice('/dev/full');
    await assert.rejects(full.transmit(COMMAND), { message: '/dev/full: write: ENOSPC' });
    await full.close();
  });
}

test('socket: a response is put together from pieces', async (t) => {
  const path = join(await scratch(t), 'sock');
  await listen(t, path, (socket) => {
    socket.on('data', async () => {
      for (const byte of RESPONSE) {
        socket.write(Buffer.of(byte));
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    });
  });
  const transport = await connectUnix(path);
  assert.deepEqual(await transport.transmit(COMMAND), RESPONSE);
  assert.deepEqual(await transport.transmit(COMMAND), RESPONSE);
  await transport.close();
});

test('socket: TCP', async (t) => {
  const server = await listen(t, 0, (socket) => socket.on('data', () => socket.write(RESPONSE)));
  const { port } = server.address() as { port: number };
  const transport = await connectTcp('127.0.0.1', port);
  assert.equal(transport.description, `tcp:127.0.0.1:${port}`);
  assert.deepEqual(await transport.transmit(COMMAND), RESPONSE);
  await transport.close();
});

test('socket: nobody listening, a closed connection, silence and lies each end in an error', async (t) => {
  const path = join(await scratch(t), 'sock');
  await assert.rejects(connectUnix(path), {
    errno: 'ENOENT',
    message: /^unix:.*: connect: ENOENT$/,
  });

  const behaviours: [name: string, serve: (socket: Socket) => void, message: RegExp][] = [
    ['closes', (socket) => socket.end(), /the TPM closed the connection/],
    ['closes early', (socket) => socket.end(RESPONSE.subarray(0, 11)), /closed the connection/],
    ['is silent', () => {}, /ETIMEDOUT/],
    [
      'claims too much',
      (socket) => socket.write(Buffer.from('8001ffffffff00000000', 'hex')),
      /claims 4294967295 bytes/,
    ],
    ['is a dead bus', (socket) => socket.write(Buffer.alloc(10, 0xff)), /no TPM answers: .* ones/],
    [
      'speaks TPM 1.2',
      (socket) => socket.write(Buffer.from('00c40000000a00000009', 'hex')),
      /unix:.*: the answer is none of a TPM 2.0, .* TPM_FAIL/,
    ],
  ];
  for (const [name, answer, message] of behaviours) {
    const server = await listen(t, path, (socket) => socket.on('data', () => answer(socket)));
    const transport = await connectUnix(path, { timeout: 50 });
    await assert.rejects(transport.transmit(COMMAND), message, name);
    await assert.rejects(transport.transmit(COMMAND), TpmTransportError, `${name}, again`);
    await transport.close();
    await new Promise((resolve) => server.close(resolve));
  }
});
