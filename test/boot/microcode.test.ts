import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { hostMicrocode, microcodeOptions } from '../../platform/host/microcode.ts';
import { consoleOptions, startMachine } from '../../platform/machine/machine.ts';
import { counted, outputDirectory, parts } from './support.ts';

/** A processor whose microcode Xen looks at; QEMU's own is older than that. It reads this as its revision, and takes no update. */
const processor = { family: 0x10, model: 2, stepping: 3, revision: '0x1000065' };
const REVISION = 0x010000c8;

test("Xen finds the host's microcode in front of domB's initramfs, and gives it to the processor", async (t) => {
  const scratch = await mkdtemp(join(tmpdir(), 'domb-microcode-'));
  t.after(() => rm(scratch, { recursive: true }));
  const firmware = join(scratch, 'lib/firmware/amd-ucode');
  await mkdir(firmware, { recursive: true });
  await writeFile(join(firmware, 'microcode_amd.bin'), container());
  const microcode = hostMicrocode(scratch, 'vendor_id\t: AuthenticAMD\n');
  assert.ok(microcode);
  const { hypervisor, kernel, policy } = await parts();
  await counted('microcode', async () => {
    const { family, model, stepping, revision } = processor;
    const machine = await startMachine({
      directory: outputDirectory('microcode'),
      start: {
        hypervisor,
        hypervisorOptions: ['dom0_mem=256M', ...microcodeOptions, ...consoleOptions],
        ...{ kernel, kernelOptions: [] },
        modules: [[microcode.archive, Buffer.from('what follows is no archive')], policy],
      },
      processor: `family=${family},model=${model},stepping=${stepping}`,
      ...{ memoryMiB: 1024, cpus: 1, tpm: 'none' },
    });
    try {
      const sign = /microcode: CPU0 update rev (\S+) to (\S+) failed, result/;
      const said = await machine.console.waitFor(sign, 120_000, /Dom0|Panic/);
      assert.match(said.text, new RegExp(`rev ${revision} to 0x${REVISION.toString(16)} `));
    } finally {
      await machine.stop();
    }
  });
});

/** An update for the processor, as AMD packs them; Xen's xen/arch/x86/cpu/microcode/amd.c reads it. */
function container(): Buffer {
  const { family, model, stepping } = processor;
  const EQUIVALENT = 0x8000;
  const signature = stepping | (model << 4) | (0xf << 8) | ((family - 0xf) << 20);
  // The table of processors, whose last entry is empty.
  const table = Buffer.alloc(32);
  table.writeUInt32LE(signature, 0);
  table.writeUInt16LE(EQUIVALENT, 12);
  const patch = Buffer.alloc(960);
  patch.writeUInt32LE(0x2011_1111, 0);
  patch.writeUInt32LE(REVISION, 4);
  patch.writeUInt16LE(EQUIVALENT, 24);
  const u32 = (...values: number[]) => {
    const words = Buffer.alloc(4 * values.length);
    for (const [index, value] of values.entries()) words.writeUInt32LE(value, 4 * index);
    return words;
  };
  const MAGIC = 0x00414d44;
  return Buffer.concat([u32(MAGIC, 0, table.length), table, u32(1, patch.length), patch]);
}
