import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { nodeBinary } from '../../../platform/images/code-cache.ts';
import { fileOffset, withoutPages } from '../../../platform/images/elf-hole.ts';
import { cutIcuData } from '../../../platform/images/icu-data.ts';
import { makeLeanNode } from '../../../platform/images/lean-node.ts';
import { dropCodeCaches } from '../../../platform/images/node-code-caches.ts';
import { nodeAddon } from '../../../platform/images/runtime.ts';
import { runProgram } from '../../../platform/lib/run.ts';

interface Segment {
  address: number;
  from: number;
  size: number;
}

/** What a program has loaded from its file (System V ABI, "Program Header"). */
function segments(elf: Buffer): Segment[] {
  const table = Number(elf.readBigUInt64LE(32));
  return Array.from({ length: elf.readUInt16LE(56) }, (_, index) => table + index * 56)
    .filter((at) => elf.readUInt32LE(at) === 1)
    .map((at) => ({
      address: Number(elf.readBigUInt64LE(at + 16)),
      from: Number(elf.readBigUInt64LE(at + 8)),
      size: Number(elf.readBigUInt64LE(at + 32)),
    }));
}

describe('the Node of our images', () => {
  let scratch: string;
  let lean: string;
  let bytes: Buffer;
  let published: Buffer;

  before(async () => {
    scratch = await mkdtemp(join(tmpdir(), 'domb-lean-'));
    lean = join(scratch, 'node');
    await makeLeanNode(nodeBinary(), lean);
    bytes = await readFile(lean);
    published = await readFile(nodeBinary());
  });
  after(async () => await rm(scratch, { recursive: true }));

  const run = async (code: string) => (await runProgram(lean, ['-p', code])).trim();

  it('is the published one in all that it loads, but for what is gone and the data of ICU', () => {
    const parts = segments(bytes);
    const addresses = parts.map(({ address }) => address);
    assert.deepEqual(
      addresses,
      [...addresses].sort((a, b) => a - b),
    );
    const icu = published.indexOf('CmnD') - 12;
    let loaded = 0;
    let zeros = 0;
    let other = 0;
    for (const { address, from, size } of parts) {
      const before = fileOffset(published, BigInt(address));
      loaded += size;
      // The first has the program headers, and values of hashes that keep a bit.
      if (address === addresses[0]) continue;
      const end = before < icu && icu < before + size ? icu - before : size;
      for (let at = 0; at < end; at += 1) {
        if (bytes[from + at] === published[before + at]) continue;
        if (bytes[from + at] === 0) zeros += 1;
        else other += 1;
      }
    }
    assert.equal(other, 0, 'what differs is zero');
    assert(zeros > 3 * 2 ** 20, `${zeros} bytes became zeros`);
    const all = segments(published).reduce((sum, { size }) => sum + size, 0);
    assert(all - loaded > 28 * 2 ** 20, `${all} bytes became ${loaded}`);
    assert(bytes.length < 80e6, `${bytes.length} bytes`);
  });

  it('has the names that addons in C look for, and none of C++ functions of V8', async () => {
    assert.ok(bytes.includes('\0napi_create_function\0'));
    assert.ok(!bytes.includes('_ZN2v8') && published.includes('_ZN2v8'));
    const load = `typeof require(${JSON.stringify(nodeAddon())}).load`;
    assert.equal(await run(load), 'function');
  });

  it('loads modules whose code caches are gone, and those whose are there', async () => {
    const code = `for (const name of ['http2', 'repl', 'node:test', 'crypto', 'zlib']) require(name);
      require('node:module').stripTypeScriptTypes('let a: number = 1')`;
    assert.equal(await run(code), 'let a         = 1');
    await assert.rejects(dropCodeCaches(Buffer.alloc(64), nodeBinary()), /has no code caches/);
  });

  it('runs as the published one does, where no language but English is asked for', async () => {
    const codes = [
      'process.version + process.versions.icu',
      '"e\u0301".normalize("NFC") + "\ufb01".normalize("NFKC")',
      'new URL("http://b\u00fccher.example/").host',
      'new TextDecoder("utf-16le").decode(Buffer.from("d\u00f6mb", "utf16le"))',
      'new TextDecoder("latin1").decode(Buffer.from([0xe4]))',
      '/^\\p{Lu}\\p{L}+$/u.test("\u00c9t\u00e9") + " " + /\\p{Emoji}/u.test("\u{1F600}")',
      '["\u00e4", "b", "a", "B"].sort((a, b) => a.localeCompare(b)).join()',
      'new Intl.DateTimeFormat("en", { dateStyle: "full", timeZone: "Europe/Berlin" }).format(0)',
      '(1234567.891).toLocaleString("en") + new Intl.PluralRules("en").select(1)',
      '[...new Intl.Segmenter("en").segment("a\u{1F469}\u200d\u{1F467}b")].length',
      'process.getBuiltinModule("crypto").createHash("sha256").update("x").digest("hex")',
    ];
    for (const code of codes) {
      assert.equal(await run(code), (await runProgram(nodeBinary(), ['-p', code])).trim(), code);
    }
  });

  it('falls back to what is common to all in other languages, and reads none of what is gone', async () => {
    const code = `const all = Intl.supportedValuesOf;
      for (const locale of ['de', 'ja', 'th', 'ar-EG', 'zh-Hant-TW']) {
        new Intl.DateTimeFormat(locale, { dateStyle: 'full', timeStyle: 'full' }).format(0);
        new Intl.NumberFormat(locale, { style: 'currency', currency: 'EUR' }).format(1e6);
        new Intl.NumberFormat(locale, { style: 'unit', unit: 'liter', unitDisplay: 'long' }).format(2);
        new Intl.DisplayNames(locale, { type: 'region' }).of('US');
        new Intl.RelativeTimeFormat(locale).format(1, 'day');
        new Intl.ListFormat(locale).format(['a', 'b']);
        ['ä', 'b'].sort(new Intl.Collator(locale).compare);
        [...new Intl.Segmenter(locale, { granularity: 'word' }).segment('สวัสดี 日本語 word')];
        'I'.toLocaleLowerCase(locale);
      }
      all('currency').length > 100 && all('timeZone').length > 100`;
    assert.equal(await run(code), 'true');
    const old = 'try { new TextDecoder("shift_jis").decode(Buffer.of(0x41)) } catch (e) { e.name }';
    assert.match(await run(old), /^(A|RangeError|TypeError|Error)$/);
  });
});

describe('data of ICU', () => {
  it('keeps the items that are wanted, byte for byte', () => {
    const item = (text: string) => Buffer.from(text.padEnd(32, '.'));
    const names = ['icudt1l/a.res', 'icudt1l/b.cnv', 'icudt1l/coll/c.res'];
    const data = icuData(names.map((name) => [name, item(name)]));
    const cut = cutIcuData(data, (name) => name !== 'b.cnv');
    assert.deepEqual(cut, icuData([names[0], names[2]].map((name = '') => [name, item(name)])));
    assert.deepEqual(
      cutIcuData(data, () => true),
      data,
    );
  });

  it('is refused when it is something else', () => {
    assert.throws(() => cutIcuData(Buffer.alloc(64), () => true), /no common data of ICU/);
  });
});

/** As ICU's pkgdata makes it. */
function icuData(items: readonly (readonly [name: string, bytes: Buffer])[]): Buffer {
  const header = Buffer.alloc(32);
  header.writeUInt16LE(header.length);
  Buffer.from([0xda, 0x27]).copy(header, 2);
  header.write('CmnD', 12);
  const names = Buffer.from(items.map(([name]) => `${name}\0`).join(''));
  const table = Buffer.alloc(4 + 8 * items.length);
  table.writeUInt32LE(items.length);
  let name = table.length;
  let at = Math.ceil((table.length + names.length) / 16) * 16;
  const gap = Buffer.alloc(at - table.length - names.length);
  for (const [index, [text, bytes]] of items.entries()) {
    table.writeUInt32LE(name, 4 + 8 * index);
    table.writeUInt32LE(at, 8 + 8 * index);
    name += text.length + 1;
    at += bytes.length;
  }
  return Buffer.concat([header, table, names, gap, ...items.map(([, bytes]) => bytes)]);
}

describe('pages taken out of a program', () => {
  it('have to be in one segment', async () => {
    const elf = await readFile('/bin/true');
    assert.throws(() => withoutPages(elf, { address: 1n << 40n, size: 8192n }), /no segment/);
    const [first] = segments(elf);
    assert(first);
    const small = { address: BigInt(first.address), size: 100n };
    assert.throws(() => withoutPages(elf, small), /no segment/);
  });
});
