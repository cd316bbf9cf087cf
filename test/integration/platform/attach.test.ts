import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { after, before, type TestContext, test } from 'node:test';
import { Relay } from '../../../platform/machine/relay.ts';

const main = join(import.meta.dirname, '../../../platform/demo/main.ts');
let directory: string;
before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'attach-'));
});
after(() => rm(directory, { recursive: true }));

/** The demo's command in a terminal of its own, after which a shell says how that terminal is set. */
function inTerminal(line: string) {
  const command = [process.execPath, main, '--output', directory, '--attach', line].join(' ');
  const child = spawn('script', ['-qefc', `${command}; echo status $?; stty -a`, '/dev/null']);
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => {
    said += chunk;
  });
  const ended = new Promise<string>((resolve) => child.once('close', () => resolve(said)));
  const says = async (sign: RegExp) => {
    for (let tries = 0; !sign.test(said); tries++) {
      assert.ok(tries < 300, `${sign} is not in ${said}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  return { type: (keys: string) => child.stdin.write(keys), says, ended };
}

/** A line that shows what is typed on it, as the machine would get it. */
async function echoing(t: TestContext, name: string) {
  const got: string[] = [];
  const line = { output: new PassThrough(), input: new PassThrough() };
  line.input.on('data', (typed: Buffer) => {
    got.push(typed.toString());
    line.output.write(`<${typed.toString('hex')}>`);
  });
  const relay = new Relay(line, join(directory, `${name}.sock`));
  t.after(() => relay.close());
  await relay.ready();
  return { relay, got };
}

test('every key goes to the line, Ctrl-C and Ctrl-A too, and Ctrl-] leaves it with the terminal as it was', async (t) => {
  const { got } = await echoing(t, 'dom0');
  const terminal = inTerminal('dom0');
  await terminal.says(/Ctrl-\] leaves it/);
  terminal.type('\x03\x01\r');
  await terminal.says(/<03010d>/);
  terminal.type('x\x1dnot for the line');
  const said = await terminal.ended;
  assert.match(said, /Left; the machine runs on\.\s+status 0\s/);
  for (const set of ['opost', 'icanon', 'echo']) assert.match(said, new RegExp(`\\s${set}\\s`));
  while (got.join('').length < 4) await new Promise(setImmediate);
  assert.equal(got.join(''), '\x03\x01\rx');
});

test('the end of the machine is the end of it', async (t) => {
  const { relay } = await echoing(t, 'xen');
  const terminal = inTerminal('xen');
  await terminal.says(/Ctrl-\] leaves it/);
  await relay.close();
  assert.match(await terminal.ended, /The machine has ended\.\s+status 0\s.* icanon /s);
});

test('without a machine, or without a terminal, it says so', async () => {
  assert.match(await inTerminal('xen').ended, /demo: no machine was kept here.*status 1\s/s);
  const child = spawn(process.execPath, [main, '--attach', 'dom0'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let error = '';
  child.stderr.on('data', (chunk: Buffer) => {
    error += chunk;
  });
  const status = await new Promise((resolve) => child.once('close', resolve));
  assert.equal(status, 1);
  assert.match(error, /--attach needs a terminal/);
});
