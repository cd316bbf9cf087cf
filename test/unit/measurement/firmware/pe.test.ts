import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { authenticodeRanges } from '../../../../measurement/firmware/authenticode.ts';
import { MAX_HEADERS, PeError, parsePe } from '../../../../measurement/firmware/pe.ts';
import { Random } from '../../../fuzz/random.ts';
import { at, buildPe } from '../../../lib/pe-builder.ts';

const sections = [
  { name: '.text', contents: Buffer.alloc(100, 1) },
  { name: '.data', contents: Buffer.alloc(300, 2) },
];
const certificates = Buffer.alloc(64, 4);
const image = buildPe({ sections, certificates });
const parse = (bytes: Buffer) => parsePe(bytes, bytes.length);

/** A copy with one field changed. */
function changed(offset: number, value: number, size: 2 | 4 = 4): Buffer {
  const copy = Buffer.from(image);
  copy.writeUIntLE(value, offset, size);
  return copy;
}

describe('PE headers', () => {
  it('are read', () => {
    const pe = parse(image);
    assert.deepEqual(
      pe.sections.map(({ name, virtualAddress, rawSize }) => [name, virtualAddress, rawSize]),
      [
        ['.text', 0x1000, 0x80],
        ['.data', 0x2000, 0x140],
      ],
    );
    assert.deepEqual(pe.certificates, { offset: image.length - 64, size: 64 });
    assert.equal(pe.machine, 0x8664);
    assert.equal(pe.checksum, at.checksum);
  });

  const malformed: [string, Buffer, RegExp][] = [
    ['nothing', Buffer.alloc(0), /DOS header/],
    ['an ELF file', Buffer.concat([Buffer.from('\x7fELF'), image.subarray(4)]), /"MZ"/],
    ['a signature beyond the file', changed(0x3c, 0xffffffff), /file header/],
    ['a signature that is none', changed(at.signature, 0x00014550), /no signature/],
    ['another magic', changed(at.magic, 0x107, 2), /magic 0x107/],
    ['no optional header', changed(at.optionalHeaderSize, 0, 2), /magic/],
    ['an optional header that is cut off', changed(at.optionalHeaderSize, 100, 2), /cut off/],
    ['an optional header beyond the file', changed(at.optionalHeaderSize, 0xffff, 2), /optional/],
    ['more directories than fit', changed(at.directoryCount, 17), /17 data directories/],
    ['far more directories', changed(at.directoryCount, 0xffffffff), /data directories/],
    ['a section table beyond the file', changed(at.sectionCount, 0xffff, 2), /section table/],
    ['headers that do not hold the section table', changed(at.sizeOfHeaders, 0x40), /headers/],
    ['headers larger than the file', changed(at.sizeOfHeaders, 0x7fffffff), /headers/],
    ['a section inside the headers', changed(at.sectionTable + 20, 0x20), /overlaps/],
    ['overlapping sections', changed(at.sectionTable + 16, 0x81), /overlaps/],
    ['a section beyond the file', changed(at.sectionTable + 40 + 16, 0xffffffff), /past the end/],
    ['a section over the certificates', changed(at.sectionTable + 40 + 16, 0x150), /past the end/],
    ['certificates that do not end the file', changed(at.certificateEntry + 4, 63), /certificate/],
    ['certificates beyond the file', changed(at.certificateEntry, 0xfffffff0), /certificate/],
    ['a file that was cut off', image.subarray(0, image.length - 1), /certificate/],
  ];
  for (const [what, bytes, message] of malformed) {
    it(`are refused: ${what}`, () => {
      assert.throws(
        () => parse(bytes),
        (error) => {
          assert.ok(error instanceof PeError, String(error));
          assert.match(error.message, message);
          return error.hint.length > 0;
        },
      );
    });
  }

  it('give ranges inside the file or a PeError, whatever is in them', () => {
    const random = new Random(4);
    let accepted = 0;
    for (let round = 0; round < 20_000; round++) {
      const mutant = Buffer.from(image);
      for (let changes = 1 + random.below(3); changes > 0; changes--) {
        const offset = random.below(at.sectionTable + 80);
        mutant.writeUInt8(random.below(256), offset);
      }
      const bytes = mutant.subarray(0, image.length - random.below(2) * 8);
      try {
        const ranges = authenticodeRanges(parse(bytes), bytes.length);
        accepted++;
        assert.ok(ranges.every(({ start, end }) => 0 <= start && start <= end));
        assert.ok(ranges.every(({ end }) => end <= bytes.length));
      } catch (error) {
        assert.ok(error instanceof PeError, String(error));
      }
    }
    assert.ok(accepted > 1000, `only ${accepted} mutants were still PE images`);
  });

  it('are read from the first bytes of a large file', () => {
    const large = buildPe({ sections: [{ name: '.a', contents: Buffer.alloc(MAX_HEADERS * 2) }] });
    const pe = parsePe(large.subarray(0, MAX_HEADERS), large.length);
    assert.equal(pe.sections[0]?.rawSize, MAX_HEADERS * 2);
    assert.throws(() => parsePe(large.subarray(0, 100), large.length), RangeError);
  });
});
