import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { PeError, parsePe } from '../../../measurement/firmware/pe.ts';
import { xenCommandLineOf } from '../../../measurement/firmware/xen-options.ts';
import { addSections } from '../../../platform/firmware/add-sections.ts';
import {
  unifiedImage as imagePieces,
  type UnifiedImageParts,
} from '../../../platform/firmware/unified-image.ts';
import { joined } from '../../../platform/lib/pieces.ts';
import { runProgram } from '../../../platform/lib/run.ts';
import { at, buildPe, sectionAlignment } from '../../lib/pe-builder.ts';

const debugData = Buffer.alloc(60, 5);
/** An image like xen.efi: code, debug directory, and a last section that is in memory only. */
function xen(): Buffer {
  const image = buildPe({
    sections: [
      { name: '.text', contents: Buffer.alloc(1000, 0x90) },
      { name: '.buildid', contents: debugData },
      { name: '.pad', contents: Buffer.alloc(0), virtualSize: 3 * sectionAlignment },
    ],
    trailer: Buffer.from('symbols'),
  });
  const text = parsePe(image, image.length).sections[1];
  assert.ok(text);
  image.writeUInt32LE(text.virtualAddress, at.debugEntry);
  image.writeUInt32LE(28, at.debugEntry + 4);
  image.writeUInt32LE(text.rawOffset + 28, text.rawOffset + 24);
  return image;
}

const parts = {
  xenEfi: xen(),
  options: ['console=com1', 'dom0_mem=768M'],
  kernel: Buffer.alloc(5000, 1),
  kernelOptions: ['console=hvc0', 'pci=off'],
  initramfs: [Buffer.alloc(1, 2), Buffer.alloc(70_000, 2)],
  policy: Buffer.alloc(33, 3),
};

const unifiedImage = (parts: UnifiedImageParts) => joined(imagePieces(parts));

/** A section's contents as they are in memory. */
function contents(image: Buffer, name: string): Buffer {
  const section = parsePe(image, image.length).sections.find((each) => each.name === name);
  assert.ok(section, `no section ${name}`);
  return image.subarray(section.rawOffset, section.rawOffset + section.virtualSize);
}

describe('the unified image', () => {
  it('holds every part as it is', () => {
    const image = unifiedImage(parts);
    assert.deepEqual(contents(image, '.kernel'), parts.kernel);
    assert.deepEqual(contents(image, '.ramdisk'), Buffer.alloc(70_001, 2));
    assert.deepEqual(contents(image, '.xsm'), parts.policy);
    assert.deepEqual(contents(image, '.text'), Buffer.alloc(1000, 0x90));
    assert.equal(
      contents(image, '.config').toString(),
      '[global]\ndefault=domb\n[domb]\noptions=console=com1 dom0_mem=768M\nkernel=domb console=hvc0 pci=off\n',
    );
  });

  it("tells Xen's command line before the boot, and a file without configuration none", async (t) => {
    const directory = await mkdtemp(join(tmpdir(), 'unified-'));
    t.after(() => rm(directory, { recursive: true }));
    const file = join(directory, 'boot.efi');
    await writeFile(file, unifiedImage(parts));
    assert.equal(await xenCommandLineOf(file), 'console=com1 dom0_mem=768M');
    await writeFile(file, unifiedImage({ ...parts, options: [] }));
    assert.equal(await xenCommandLineOf(file), '');
    await writeFile(file, parts.xenEfi);
    assert.equal(await xenCommandLineOf(file), undefined);
  });

  it('has all sections at rising, aligned addresses inside the image', () => {
    const image = unifiedImage(parts);
    const { sections } = parsePe(image, image.length);
    let end = 0;
    for (const { name, virtualAddress, virtualSize } of sections) {
      assert.ok(virtualAddress >= end, `${name} overlaps`);
      assert.equal(virtualAddress % sectionAlignment, 0, name);
      end = virtualAddress + virtualSize;
    }
    const sizeOfImage = image.readUInt32LE(at.sizeOfImage);
    assert.ok(sizeOfImage >= end && sizeOfImage < end + sectionAlignment);
    assert.equal(image.length % 8, 0, 'a signature would need padding, which changes the digest');
  });

  it('depends on the parts only, not on symbols, link time or checksum', () => {
    const later = Buffer.from(parts.xenEfi);
    later.writeUInt32LE(0x66000000, at.linkTime);
    later.writeUInt32LE(0x11111111, at.linkTime + 4);
    later.writeUInt32LE(99, at.checksum);
    later.write('SYMBOLS', later.length - 7);
    assert.deepEqual(unifiedImage({ ...parts, xenEfi: later }), unifiedImage(parts));
  });

  it('keeps the debug directory pointing at its data', () => {
    const image = unifiedImage(parts);
    const section = parsePe(image, image.length).sections.find(({ name }) => name === '.buildid');
    assert.ok(section);
    assert.equal(image.readUInt32LE(section.rawOffset + 24), section.rawOffset + 28);
  });

  it('is what binutils read in it', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'unified-'));
    try {
      const file = join(directory, 'image.efi');
      await writeFile(file, unifiedImage(parts));
      const listing = await runProgram('objdump', ['-h', file]);
      const sizes = [...listing.matchAll(/^\s+\d+ (\.\w+)\s+([0-9a-f]+)/gm)].map((match) => [
        match[1],
        Number.parseInt(match[2] ?? '', 16),
      ]);
      assert.deepEqual(sizes.slice(-3), [
        ['.kernel', 5000],
        ['.ramdisk', 70_001],
        ['.xsm', 33],
      ]);
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  it('refuses options that Xen would read as something else', () => {
    for (const option of ['com1=115200#8n1', 'a\nkernel=other', 'grün']) {
      assert.throws(() => unifiedImage({ ...parts, options: [option] }), /cannot hold/);
      assert.throws(() => unifiedImage({ ...parts, kernelOptions: [option] }), /cannot hold/);
    }
  });

  it('refuses an image that is signed, unified already, or for another machine', () => {
    const signed = buildPe({ certificates: Buffer.alloc(16) });
    assert.throws(() => unifiedImage({ ...parts, xenEfi: signed }), /signed already/);
    const twice = unifiedImage(parts);
    assert.throws(() => unifiedImage({ ...parts, xenEfi: twice }), /a section .config already/);
    const arm = xen();
    arm.writeUInt16LE(0xaa64, 0x44);
    assert.throws(() => unifiedImage({ ...parts, xenEfi: arm }), /0xaa64/);
    assert.throws(() => unifiedImage({ ...parts, xenEfi: Buffer.from('ELF') }), PeError);
  });

  it('refuses names that are no section names', () => {
    for (const name of ['config', '.12345678', '.é', '.']) {
      assert.throws(() => addSections(xen(), [{ name, contents: [Buffer.alloc(1)] }]), PeError);
    }
  });
});
