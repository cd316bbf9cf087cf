/** The guest's C code between Linux, which does not wait long for a response, and a TPM that is slow. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type Declarations, openLibrary } from '../../../bindings/ffi/library.ts';
import { runProgram } from '../../../platform/lib/run.ts';

const COMMANDS = {
  transact: {
    args: { command: 'bytes', size: 'u64', response: 'bytes' },
    result: 'u64',
    fails: 'never',
  },
  slow_xenbus_delay: { args: { milliseconds: 'u32' }, result: 'void', fails: 'never' },
  slow_xenbus_commands: { args: {}, result: 'u32', fails: 'never' },
} as const satisfies Declarations;

let scratch: string;
let library: ReturnType<typeof openLibrary<typeof COMMANDS>>;

before(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'domb-commands-'));
  const path = join(scratch, 'commands.so');
  const frontend = join(import.meta.dirname, '../../../vtpm/frontend');
  const linger = join(import.meta.dirname, '../../../vtpm/linger');
  await runProgram('gcc', [
    ...[
      '-shared',
      '-fPIC',
      '-Wall',
      '-Wextra',
      '-Werror',
      `-I${frontend}`,
      `-I${linger}`,
      '-o',
      path,
    ],
    ...['commands.c', 'ring.c'].map((name) => join(frontend, name)),
    join(linger, 'linger.c'),
    join(import.meta.dirname, '../../lib/slow-xenbus.c'),
  ]);
  library = openLibrary(path, COMMANDS);
});
after(() => rm(scratch, { recursive: true }));

const RETRY = 0x922;

/** A command whose parameters nobody here looks at. */
function command(code: number, parameters = Buffer.alloc(0)): Buffer {
  const header = Buffer.from('80010000000000000000', 'hex');
  header.writeUInt32BE(header.length + parameters.length, 2);
  header.writeUInt32BE(code, 6);
  return Buffer.concat([header, parameters]);
}

/** Linux gives it up after 750 ms; a second one asks for something else. */
const getCapability = command(0x17a, Buffer.of(6));
const otherCapability = command(0x17a, Buffer.of(7));
/** Linux gives it up after five minutes. */
const createPrimary = command(0x131);
/** linux/vtpm_proxy.h */
const setLocality = (locality: number) => command(0x20001000, Buffer.of(locality));

interface Told {
  code: number;
  /** The number of the command that this is the response to. */
  number: number | undefined;
  /** How long Linux had to wait, in milliseconds. */
  waited: number;
}

function send(command: Buffer): Told {
  const response = Buffer.alloc(4096);
  const begin = performance.now();
  const size = library.transact({ command, size: command.length, response });
  const waited = performance.now() - begin;
  assert.equal(response.readUInt32BE(2), Number(size));
  return {
    code: response.readUInt32BE(6),
    number: size > 10 ? response.readUInt32BE(10) : undefined,
    waited,
  };
}

/** All that Linux is told until it is not told to ask again. */
function ask(command: Buffer, delay: number): { told: Told[]; done: number } {
  const before = library.slow_xenbus_commands({});
  library.slow_xenbus_delay({ milliseconds: delay });
  const told: Told[] = [];
  do told.push(send(command));
  while (told.at(-1)?.code === RETRY && told.length < 20);
  return { told, done: library.slow_xenbus_commands({}) - before };
}

test('a response that comes in time is passed on', () => {
  const { told, done } = ask(getCapability, 50);
  assert.deepEqual([told.map(({ code }) => code), done], [[0], 1]);
});

test('Linux is told to ask again before it gives up, and the command is done once', () => {
  const { told, done } = ask(getCapability, 1000);
  assert.deepEqual([told.map(({ code }) => code), done], [[RETRY, RETRY, 0], 1]);
  for (const { waited } of told) assert.ok(waited < 750, `${waited} ms`);
});

test('Linux is never told seven times to ask again, which it would pass on', () => {
  const { told, done } = ask(getCapability, 3500);
  assert.deepEqual([told.map(({ code }) => code), done], [[...Array(6).fill(RETRY), 0], 1]);
});

test('what Linux has patience for is waited for', () => {
  const { told, done } = ask(createPrimary, 1000);
  assert.deepEqual([told.map(({ code }) => code), done], [[0], 1]);
});

test('a command that nobody asks for any more ends before the next, which gets its own response', () => {
  library.slow_xenbus_delay({ milliseconds: 600 });
  assert.equal(send(getCapability).code, RETRY);
  const given = library.slow_xenbus_commands({});
  const { told, done } = ask(otherCapability, 50);
  assert.deepEqual([told.at(-1)?.number, done], [given + 1, 1]);
});

test('the same command, once it was answered, is a new one', () => {
  const first = ask(getCapability, 10);
  const second = ask(getCapability, 10);
  assert.equal(second.told[0]?.number, (first.told[0]?.number ?? Number.NaN) + 1);
});

test("the driver's own command does not reach the TPM, nor what it works on", () => {
  library.slow_xenbus_delay({ milliseconds: 600 });
  assert.equal(send(getCapability).code, RETRY);
  const given = library.slow_xenbus_commands({});
  assert.equal(send(setLocality(0)).code, 0);
  assert.equal(send(setLocality(1)).code, 0x907);
  assert.equal(library.slow_xenbus_commands({}), given);
  const { told, done } = ask(getCapability, 0);
  assert.deepEqual([told.at(-1)?.number, done], [given, 0]);
});
