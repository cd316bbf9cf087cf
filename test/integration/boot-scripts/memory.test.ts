import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { limitGrowth } from '../../../bindings/memory-limit.ts';
import { runScript, type ScriptHost } from '../../../boot-scripts/run-script.ts';
import { ScriptError } from '../../../boot-scripts/script-errors.ts';

const MIB = 2 ** 20;
/** What the limit leaves a script beside what its process has: 64 MiB, and V8's own. */
const ALLOWED_MIB = 64 + 32;
/** Shared memory does not count against the limit; there is none, so that resident memory shows all doors. */
const TOLERANCE_MIB = 8;

/** KiB of a line of /proc/PID/status; undefined once the process is gone. */
function status(pid: number, line: string): number | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/status`, 'latin1');
    const number = new RegExp(`^${line}:\\s*(\\d+)`, 'm').exec(text)?.[1];
    return number === undefined ? undefined : Number(number);
  } catch {
    return undefined;
  }
}

/** Runs a script, and gives what it failed with and how many MiB its process grew by at most. */
async function grow(body: string): Promise<{ failure: ScriptError | undefined; grown: number }> {
  let [before, most] = [0, 0];
  let timer: NodeJS.Timeout | undefined;
  const host: ScriptHost = {
    log: () => {},
    read: async () => {},
    call: async () => undefined,
    confine(pid, bytes) {
      assert.equal(bytes, ALLOWED_MIB * MIB);
      limitGrowth(pid, bytes);
      before = status(pid, 'VmRSS') ?? 0;
      timer = setInterval(() => {
        most = Math.max(most, status(pid, 'VmHWM') ?? 0);
      }, 2);
    },
  };
  const text = { file: 'big.ts', source: `export default async () => {\n${body}\n};\n` };
  const run = {
    script: 'big',
    point: 'before_planning',
    host: {},
    facts: {},
    withheld: [],
    planned: [],
  } as const;
  let failure: ScriptError | undefined;
  try {
    await runScript(text, run, host, 20);
  } catch (error) {
    assert.ok(error instanceof ScriptError, String(error));
    failure = error;
  } finally {
    clearInterval(timer);
  }
  return { failure, grown: (most - before) / 1024 };
}

/** 32 KiB to 16 MiB at a time, for ever, touched so that it is there. */
const filling = (make: string) => `const kept: unknown[] = [];
for (;;) { const one: any = ${make}; kept.push(one); }`;

const doors: Record<string, string> = {
  'objects of the heap': filling('{ a: [1, 2, 3], b: String(kept.length) }'),
  'large arrays': filling('new Array(1 << 20).fill(7)'),
  'typed arrays': filling('new Uint8Array(16 << 20).fill(1)'),
  'small typed arrays': filling('new Float64Array(4096).fill(1)'),
  'array buffers': filling(
    '(() => { const b = new ArrayBuffer(16 << 20); new Uint8Array(b).fill(1); return b; })()',
  ),
  'an array buffer that is resized': `const b = new ArrayBuffer(0, { maxByteLength: 1 << 30 });
for (let size = 1 << 20; ; size += 1 << 20) { b.resize(size); new Uint8Array(b).fill(1); }`,
  'an array buffer that is transferred to a larger one': `let b = new ArrayBuffer(1 << 20);
for (;;) { b = (b as any).transfer(b.byteLength * 2); new Uint8Array(b).fill(1); }`,
  'shared array buffers': filling(
    '(() => { const b = new SharedArrayBuffer(16 << 20); new Uint8Array(b).fill(1); return b; })()',
  ),
  'a shared array buffer that grows': `const b: any = new SharedArrayBuffer(0, { maxByteLength: 1 << 30 });
for (let size = 1 << 20; ; size += 1 << 20) { b.grow(size); new Uint8Array(b).fill(1); }`,
  'memory of WebAssembly': `const m = new WebAssembly.Memory({ initial: 1 });
for (;;) { m.grow(16); new Uint8Array(m.buffer).fill(1); }`,
  'shared memory of WebAssembly': `const m = new WebAssembly.Memory({ initial: 1, maximum: 32768, shared: true } as any);
for (;;) { m.grow(16); new Uint8Array(m.buffer).fill(1); }`,
  'tables of WebAssembly': filling(
    `new WebAssembly.Table({ element: 'anyfunc', initial: 1000000 } as any)`,
  ),
  'long strings': filling(
    '(() => { const s = kept.length + "x".repeat(1 << 24); /x$/.test(s); return s; })()',
  ),
  'strings of wide characters': filling('[..."\\u4e00".repeat(1 << 16)].join("") + kept.length'),
  'big integers': filling('(1n << BigInt(1 << 23)) + BigInt(kept.length)'),
  'maps and sets': filling('new Map(Array.from({ length: 10000 }, (_, i) => [i, i]))'),
  'compiled functions': filling('new Function("return " + "1+".repeat(1000) + kept.length)'),
  'regular expressions': filling('new RegExp("(a?){1,20}b" + "c|".repeat(2000) + kept.length)'),
  'promises that nobody awaits': `const kept: unknown[] = []; for (;;) kept.push(new Promise(() => {}).then(() => 1));`,
  timers: filling('setTimeout(() => {}, 1e6, new Array(1000).fill(kept.length))'),
  'what it logs': `for (;;) boot('x'.repeat(1 << 20));
function boot(text: string) { console.log(text); }`,
  'Node by way of a function of ours': `const node = (setTimeout as any).constructor('return process')();
const { Buffer } = node.getBuiltinModule('node:buffer');
const kept: unknown[] = []; for (;;) kept.push(Buffer.alloc(16 << 20, 1));`,
  'blobs of Node': `const node = (setTimeout as any).constructor('return process')();
const { Blob } = node.getBuiltinModule('node:buffer');
const kept: unknown[] = []; for (;;) kept.push(new Blob([new Uint8Array(16 << 20).fill(1)]));`,
  'threads of Node': `const node = (setTimeout as any).constructor('return process')();
const { Worker } = node.getBuiltinModule('node:worker_threads');
for (let i = 0; i < 8; i++) new Worker('const a = []; for (;;) a.push(new Uint8Array(1 << 20).fill(1));', { eval: true });
await new Promise((r) => setTimeout(r, 60000));`,
};

describe('a script gets no more memory than it may, by whatever door', () => {
  for (const [door, body] of Object.entries(doors)) {
    test(door, async () => {
      const { failure, grown } = await grow(body);
      assert.ok(failure, 'it ended well');
      assert.match(failure.message, /big\.ts.* more than 64 MiB of memory$/);
      assert.ok(grown < ALLOWED_MIB + TOLERANCE_MIB, `it grew by ${grown} MiB`);
    });
  }
});

test('half of it is there for every script', async () => {
  for (const make of ['new Uint8Array(1 << 20).fill(1)', 'new Array(1 << 17).fill(7)']) {
    const body = `const kept: unknown[] = []; for (let i = 0; i < 32; i++) kept.push(${make});`;
    const { failure, grown } = await grow(body);
    assert.equal(failure, undefined);
    assert.ok(grown > 24, `it grew by ${grown} MiB`);
  }
});
