import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { serveCommands, servedHere } from '../../../vtpm/backend/serving.ts';

let scratch: string;
before(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'domb-serving-'));
});
after(() => rm(scratch, { recursive: true }));

const command = (last: number) => Buffer.from([0x80, 1, 0, 0, 0, 12, 0, 0, 1, 0x7b, 0, last]);

/** Answers each command with itself, when it is let. */
function echoing() {
  const commands: Buffer[] = [];
  const gates: (() => void)[] = [];
  return {
    commands,
    /** Has the command that has waited longest answered. */
    next: () => gates.shift()?.(),
    transmit: (sent: Buffer) => {
      commands.push(Buffer.from(sent));
      return new Promise<Buffer>((resolve) => gates.push(() => resolve(sent)));
    },
  };
}

async function connected(path: string): Promise<Socket> {
  const socket = connect(path);
  await once(socket, 'connect');
  return socket;
}

test('commands are done one after the other, however they come in pieces', async () => {
  const path = join(scratch, 'pieces');
  const tpm = echoing();
  const server = await serveCommands(path, tpm.transmit);
  assert.equal((await stat(path)).mode & 0o777, 0o600);
  const socket = await connected(path);
  const both = Buffer.concat([command(1), command(2)]);
  socket.write(both.subarray(0, 5));
  await sleep(20);
  assert.equal(tpm.commands.length, 0);
  socket.write(both.subarray(5));
  await sleep(20);
  assert.deepEqual(tpm.commands, [command(1)]);
  for (const last of [1, 2]) {
    const answer = once(socket, 'data');
    tpm.next();
    assert.deepEqual((await answer)[0], command(last));
  }
  const end = once(socket, 'close');
  await server.close();
  await end;
});

test('the next connection waits for the end of the command of the one before', async () => {
  const path = join(scratch, 'turns');
  const tpm = echoing();
  const server = await serveCommands(path, tpm.transmit);
  const first = await connected(path);
  first.write(command(1));
  const second = await connected(path);
  second.write(command(2));
  await sleep(20);
  first.destroy();
  await sleep(20);
  assert.deepEqual(tpm.commands, [command(1)]);
  tpm.next();
  await sleep(20);
  assert.deepEqual(tpm.commands, [command(1), command(2)]);
  const answer = once(second, 'data');
  tpm.next();
  assert.deepEqual((await answer)[0], command(2));
  await server.close();
});

test('whoever sends what is no command is not served any more', async () => {
  const path = join(scratch, 'wrong');
  const tpm = echoing();
  const server = await serveCommands(path, tpm.transmit);
  for (const size of [0, 9, 4097, 0xffff_ffff]) {
    const socket = await connected(path);
    const wrong = command(1);
    wrong.writeUInt32BE(size, 2);
    const end = once(socket, 'close');
    socket.on('error', () => {});
    socket.write(wrong);
    await end;
  }
  assert.deepEqual(tpm.commands, []);
  await server.close();
});

test('a TPM that is served here ends with its socket', async () => {
  const path = join(scratch, 'here');
  let stopped = false;
  const { transmit } = echoing();
  const software = {
    uid: undefined,
    transmit,
    release: () => assert.fail('the connection is needed'),
    stop: async () => {
      stopped = true;
    },
  };
  const tpm = await servedHere(software, path);
  assert.equal(tpm.socket, path);
  (await connected(path)).on('error', () => {});
  await tpm.stop();
  assert.ok(stopped);
  await assert.rejects(stat(path));
});
