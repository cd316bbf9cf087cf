import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import {
  authenticodeDigests,
  authenticodeRanges,
} from '../../../../measurement/firmware/authenticode.ts';
import { parsePe } from '../../../../measurement/firmware/pe.ts';
import { at, buildPe, fileAlignment } from '../../../lib/pe-builder.ts';

const sections = [
  { name: '.text', contents: Buffer.alloc(100, 1) },
  { name: '.bss', contents: Buffer.alloc(0), virtualSize: 4096 },
  { name: '.data', contents: Buffer.alloc(3000, 2) },
];
const trailer = Buffer.alloc(48, 3);
const certificates = Buffer.alloc(64, 4);

/** The digest over the ranges of an image in memory. */
function digestOf(image: Buffer): string {
  const hash = createHash('sha256');
  for (const { start, end } of authenticodeRanges(parsePe(image, image.length), image.length)) {
    hash.update(image.subarray(start, end));
  }
  return hash.digest('hex');
}

describe('the Authenticode digest', () => {
  let directory: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'authenticode-'));
  });
  after(() => rm(directory, { recursive: true }));

  it('is that of the file without checksum, certificate entry and certificates', () => {
    const image = buildPe({ sections, trailer, certificates });
    const rest = Buffer.concat([
      image.subarray(0, at.checksum),
      image.subarray(at.checksum + 4, at.certificateEntry),
      image.subarray(at.certificateEntry + 8, image.length - certificates.length),
    ]);
    assert.equal(digestOf(image), createHash('sha256').update(rest).digest('hex'));
  });

  it('does not change by signing', () => {
    const unsigned = digestOf(buildPe({ sections, trailer }));
    assert.equal(digestOf(buildPe({ sections, trailer, certificates })), unsigned);
  });

  it('covers every other byte, and no excluded one', () => {
    const image = buildPe({ sections, trailer, certificates });
    const before = digestOf(image);
    const excluded = (offset: number) =>
      (offset >= at.checksum && offset < at.checksum + 4) ||
      (offset >= at.certificateEntry && offset < at.certificateEntry + 8) ||
      offset >= image.length - certificates.length;
    let refused = 0;
    for (let offset = 0; offset < image.length; offset++) {
      const changed = Buffer.from(image);
      changed.writeUInt8(changed.readUInt8(offset) ^ 0x01, offset);
      let digest: string;
      try {
        digest = digestOf(changed);
      } catch {
        refused++; // no PE image any more
        continue;
      }
      assert.equal(digest === before, excluded(offset), `byte ${offset}`);
    }
    assert.ok(refused < 100, `${refused} bytes were not compared`);
  });

  it('takes sections in the order of the file, not of the table', () => {
    const image = buildPe({ sections });
    const swapped = Buffer.from(image);
    const [first, third] = [at.sectionTable, at.sectionTable + 80];
    image.copy(swapped, first, third, third + 40);
    image.copy(swapped, third, first, first + 40);
    const ranges = (bytes: Buffer) =>
      authenticodeRanges(parsePe(bytes, bytes.length), bytes.length);
    assert.deepEqual(ranges(swapped), ranges(image));
  });

  it('skips a gap between sections and takes the end twice, as the specification counts', () => {
    const image = buildPe({ sections, trailer });
    const gap = Buffer.alloc(fileAlignment, 9);
    const start = image.readUInt32LE(at.sectionTable + 80 + 20);
    const gapped = Buffer.concat([image.subarray(0, start), gap, image.subarray(start)]);
    gapped.writeUInt32LE(start + gap.length, at.sectionTable + 80 + 20);
    const ranges = authenticodeRanges(parsePe(gapped, gapped.length), gapped.length);
    assert.deepEqual(ranges.slice(3), [
      { start: gapped.readUInt32LE(at.sizeOfHeaders), end: start },
      { start: start + gap.length, end: gapped.length - trailer.length },
      { start: gapped.length - trailer.length - gap.length, end: gapped.length },
    ]);
  });

  it('has no certificate entry to leave out when there are fewer directories', () => {
    const image = buildPe({ sections, directories: 4 });
    assert.deepEqual(authenticodeRanges(parsePe(image, image.length), image.length).slice(0, 2), [
      { start: 0, end: at.checksum },
      { start: at.checksum + 4, end: image.readUInt32LE(at.sizeOfHeaders) },
    ]);
  });

  it('reads PE32 too', () => {
    const image = buildPe({ sections, magic: 0x10b, certificates });
    assert.equal(digestOf(image), digestOf(buildPe({ sections, magic: 0x10b })));
  });

  it('of a file larger than one piece, in several banks', async () => {
    const large = [{ name: '.large', contents: Buffer.alloc(3_000_001, 7) }];
    const image = buildPe({ sections: large, certificates });
    const file = join(directory, 'large.efi');
    await writeFile(file, image);
    const digests = await authenticodeDigests(file, ['sha1', 'sha256']);
    assert.equal(digests.get('sha256')?.toString('hex'), digestOf(image));
    assert.equal(digests.get('sha1')?.length, 20);
  });
});
