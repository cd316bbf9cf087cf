import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { after, before, test } from 'node:test';
import { endDemo, openControl } from '../../../platform/demo/control.ts';
import { Relay } from '../../../platform/machine/relay.ts';

let scratch: string;
before(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'relay-'));
});
after(() => rm(scratch, { recursive: true }));

/** Reads from a terminal until it has shown `text`. */
async function shows(terminal: Socket, text: string): Promise<void> {
  let seen = '';
  while (!seen.includes(text)) seen += (await once(terminal, 'data'))[0];
}

test('two terminals see what a line says, also what it said before, and both type', async () => {
  const line = { output: new PassThrough(), input: new PassThrough() };
  const path = join(scratch, 'line.sock');
  const relay = new Relay(line, path);
  await relay.ready();
  assert.equal((await stat(path)).mode & 0o777, 0o600);
  line.output.write('prompt# ');
  const terminals = [connect(path), connect(path)];
  for (const terminal of terminals) await shows(terminal, 'prompt# ');
  for (const [index, terminal] of terminals.entries()) {
    terminal.write(`typed ${index}`);
    assert.equal(String((await once(line.input, 'data'))[0]), `typed ${index}`);
  }
  const both = terminals.map((terminal) => shows(terminal, 'said'));
  line.output.write('said');
  await Promise.all(both);
  terminals[0]?.destroy();
  const closed = once(terminals[1] as Socket, 'close');
  await relay.close();
  await closed;
  await assert.rejects(stat(path));
});

test('a demo is found, no second one starts beside it, and who ends it waits for its end', async () => {
  const path = join(scratch, 'control.sock');
  assert.equal(await endDemo(path), false);
  let asked = 0;
  let end = () => {};
  const over = new Promise<void>((resolve) => {
    end = resolve;
  });
  const connections: Socket[] = [];
  const control = await openControl(path, () => {
    asked += 1;
    end();
  });
  control.on('connection', (socket: Socket) => connections.push(socket));
  await assert.rejects(openControl(path, end), /a demo runs here already.*--stop/);
  const ended = endDemo(path);
  await over;
  assert.equal(asked, 1);
  for (const socket of connections) socket.destroy();
  assert.equal(await ended, true);
  control.close();
});
