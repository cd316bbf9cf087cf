import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { imageNames } from '../../../boot-configs/all-domains.ts';
import { predictBoot } from '../../../daemon/plan/prediction.ts';
import { dom0, load } from '../boot-configs/support.ts';

const text = `version: 2
platform: { on_failure: recovery }
domains:${dom0}
    ramdisk: dom0.cpio
  - name: rescue
    recovery: true
    domid: 0
    type: pv
    memory: 256MiB
    kernel: rescue-kernel
    ramdisk: [settings.cpio, rescue.cpio]
    seclabel: system_u:system_r:dom0_t
    capabilities: [control, hardware, xenstore]
`;

test('the images of the recovery domain belong to the boot image and to the prediction', async () => {
  const manifest = load(text);
  const names = ['vmlinux', 'dom0.cpio', 'rescue-kernel', 'settings.cpio', 'rescue.cpio'];
  assert.deepEqual([...imageNames(manifest)], names);
  const directory = await mkdtemp(join(tmpdir(), 'recovery-images-'));
  try {
    for (const name of names) await writeFile(join(directory, name), name);
    const { items } = await predictBoot({
      manifest,
      manifestBytes: Buffer.from(text),
      findImage: (name) => join(directory, name),
      banks: ['sha256'],
    });
    const described = items.map((item) =>
      'domain' in item && item.event !== 'identity'
        ? [item.event, item.domain, ...('component' in item ? [item.component] : [])]
        : [item.event],
    );
    assert.deepEqual(described.slice(0, 8), [
      ['daemon'],
      ['manifest'],
      ['domain', 'rescue'],
      ['image', 'rescue', 'kernel'],
      ['image', 'rescue', 'ramdisk'],
      ['image', 'rescue', 'ramdisk'],
      ['image', 'rescue', 'cmdline'],
      ['configuration'],
    ]);
  } finally {
    await rm(directory, { recursive: true });
  }
});
