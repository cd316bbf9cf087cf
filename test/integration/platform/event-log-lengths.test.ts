/** The hypervisor's own code (patch 5 of our series) on logs of firmware whose lengths are wrong. */
import assert from 'node:assert/strict';
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { xenSource } from '../../../platform/hypervisor/source.ts';
import { runProgram } from '../../../platform/lib/run.ts';
import { needPackages } from '../../../platform/setup/packages.ts';

const harness = join(import.meta.dirname, '../../lib/tcg-log-harness.c');

interface Case {
  log: Buffer;
  /** Offset of the last event, as firmware says. */
  last: number;
  final?: Buffer;
  finalEvents?: number;
}

const u16 = (value: number): Buffer => Buffer.from([value & 255, value >> 8]);
const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};

/** The first record (TCG PC Client Platform Firmware Profile, "Spec ID Event"), for SHA-1 and SHA-256. */
const specification = Buffer.concat([
  Buffer.from('Spec ID Event03\0'),
  ...[u32(0), Buffer.from([0, 2, 0, 2])],
  ...[u32(2), u16(4), u16(20), u16(11), u16(32)],
  Buffer.from([0]),
]);
const header = Buffer.concat([
  u32(0),
  u32(3),
  Buffer.alloc(20),
  u32(specification.length),
  specification,
]);
const event = (data: Buffer): Buffer =>
  Buffer.concat([
    ...[u32(4), u32(13), u32(2)],
    ...[u16(4), Buffer.alloc(20, 1), u16(11), Buffer.alloc(32, 2)],
    ...[u32(data.length), data],
  ]);
const [first, second, third] = [
  event(Buffer.from('a')),
  event(Buffer.alloc(300)),
  event(Buffer.alloc(0)),
];
const log = Buffer.concat([header, first, second, third]);
const last = log.length - third.length;

/** Where the fields are whose value is a length or a number of things. */
const at = {
  headerSize: 28,
  signature: 32,
  algorithms: 56,
  digestSize: 62,
  firstDigests: header.length + 8,
  firstSize: header.length + 8 + 4 + 22 + 34,
  lastDigests: last + 8,
  lastAlgorithm: last + 12,
  lastSize: last + 12 + 22 + 34,
};

function patched(offset: number, value: number, bytes = 4): Case {
  const copy = Buffer.from(log);
  copy.writeUIntLE(value, offset, bytes);
  return { log: copy, last };
}

const bad: Record<string, Case> = {
  'no signature': patched(at.signature, 0),
  'a first record of 4 GiB': patched(at.headerSize, 0xffff_ffff),
  'a first record that ends behind the last event': patched(at.headerSize, log.length),
  'a first record without room for its fields': patched(at.headerSize, 27),
  'more algorithms than the first record has room for': patched(at.algorithms, 3),
  '4 billion algorithms': patched(at.algorithms, 0xffff_ffff),
  'a digest of 64 KiB': patched(at.digestSize, 0xffff, 2),
  '4 billion digests': patched(at.firstDigests, 0xffff_ffff),
  'an event of 4 GiB': patched(at.firstSize, 0xffff_ffff),
  'an event that ends behind the last one': patched(at.firstSize, 1 + second.length + 1),
  'an event that ends within another': patched(at.firstSize, 2),
  '4 billion digests of the last event': patched(at.lastDigests, 0xffff_ffff),
  'an event without a digest': patched(at.firstDigests, 0),
  'a digest of an unknown algorithm': patched(at.lastAlgorithm, 0x99, 2),
  'a last event of 4 GiB': patched(at.lastSize, 0xffff_ffff),
  'a last event of more than 1 MiB': patched(at.lastSize, 1 << 20),
  'a last event within another': { log, last: last - 1 },
  'a last event in the middle of the first record': { log, last: 20 },
  'a last event 2 GiB away': { log, last: 0x8000_0000 },
};

describe('the hypervisor and the event log of firmware', () => {
  let scratch: string;
  before(async () => {
    needPackages('hypervisor');
    scratch = await mkdtemp(join(tmpdir(), 'domb-tcg-'));
    const { tree } = await xenSource('hypervisor');
    const source = await readFile(join(tree, 'xen/common/efi/boot.c'), 'utf8');
    const code = [
      between(source, 'typedef struct {\n    UINT64 Version;', "/* Linux'es own table"),
      between(
        source,
        "/*\n * Lengths in a log are the firmware's.",
        "/*\n * The firmware's TPM event log is gone",
      ),
    ];
    await writeFile(join(scratch, 'extracted.h'), code.join('\n'));
    await copyFile(harness, join(scratch, 'harness.c'));
    const flags = ['-O1', '-g', '-Wall', '-Werror', '-Wno-address-of-packed-member'];
    const checks = ['-fsanitize=address', '-fno-sanitize-recover=all'];
    await runProgram('gcc', [...flags, ...checks, '-o', 'harness', 'harness.c'], { cwd: scratch });
  });
  after(() => rm(scratch, { recursive: true }));

  /** The sizes that the code finds, of the log and of the final events; 0 or undefined where it refuses. */
  async function sizes(cases: Case[]): Promise<[number, number | undefined][]> {
    const input = cases.map(({ log, last, final = Buffer.alloc(0), finalEvents = 0 }) =>
      Buffer.concat([u32(log.length), u32(last), u32(final.length), u32(finalEvents), log, final]),
    );
    const output = await runProgram(join(scratch, 'harness'), [], { input: Buffer.concat(input) });
    const lines = output.trimEnd().split('\n');
    assert.equal(lines.length, cases.length);
    return lines.map((line) => {
      const [size = '', final = ''] = line.split(' ');
      return [Number(size), final.length > 10 ? undefined : Number(final)];
    });
  }

  it('takes a good log, one that is nothing but its first record, and final events', async () => {
    const final = Buffer.concat([first, third]);
    assert.deepEqual(
      await sizes([
        { log, last },
        { log: header, last: 0 },
        { log, last, final, finalEvents: 2 },
        { log, last, final, finalEvents: 1 },
      ]),
      [
        [log.length, 0],
        [header.length, 0],
        [log.length, final.length],
        [log.length, first.length],
      ],
    );
  });

  for (const [what, each] of Object.entries(bad)) {
    it(`refuses ${what}`, async () => assert.deepEqual(await sizes([each]), [[0, 0]]));
  }

  it('refuses final events that are none, or more than 16 MiB', async () => {
    const endless = event(Buffer.alloc((1 << 20) - 100));
    const cases = [
      { log, last, final: first, finalEvents: 2 },
      { log, last, final: Buffer.concat(Array(16).fill(endless)), finalEvents: 16 },
      { log, last, final: first, finalEvents: 0xffff_ffff },
    ];
    const [none, most, more] = await sizes(cases);
    assert.deepEqual(none, [log.length, undefined]);
    assert.deepEqual(most, [log.length, 16 * endless.length]);
    assert.deepEqual(more, [log.length, undefined]);
  });

  it('looks at nothing outside of the log, whatever bytes are changed', async () => {
    const values = [0, 0x40, 0xff];
    const cases = [...log.keys()].flatMap((offset) =>
      values.map((value) => ({ ...patched(offset, value, 1), final: first, finalEvents: 1 })),
    );
    for (const [size] of await sizes(cases)) assert.ok(size === 0 || size <= last + (1 << 20));
  });
});

function between(text: string, start: string, end: string): string {
  const [from, to] = [text.indexOf(start), text.indexOf(end)];
  assert.ok(from >= 0 && to > from, `${start}: not in the source`);
  return text.slice(from, to);
}
