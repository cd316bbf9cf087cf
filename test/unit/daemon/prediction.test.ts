import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { type HashedFiles, imageFiles } from '../../../boot-configs/checks/image-files.ts';
import { loadManifest } from '../../../boot-configs/load.ts';
import { predictBoot } from '../../../daemon/plan/prediction.ts';
import { elf, pvNotes } from '../boot-configs/elf-builder.ts';
import { dom0, manifest } from '../boot-configs/support.ts';

test('what the checks had to hash is not hashed again', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'domb-prediction-'));
  t.after(() => rm(directory, { recursive: true }));
  const kernel = elf({ notes: pvNotes });
  const file = join(directory, 'vmlinux');
  await writeFile(file, kernel);
  const digests = {
    sha256: hash('sha256', kernel, 'hex'),
    sha512: hash('sha512', kernel, 'hex'),
  };
  const text = manifest(`${dom0}\n    digests: { kernel: "sha512:${digests.sha512}" }`);
  const bytes = Buffer.from(text);
  const hashed: HashedFiles = new Map();
  const loaded = loadManifest(bytes, 'test.yaml', [imageFiles(directory, hashed)]);
  assert.deepEqual([...hashed], [[file, { size: kernel.length, digests }]]);

  // Nobody could hash it now.
  await rm(file);
  const { items } = await predictBoot({
    ...{ manifest: loaded, manifestBytes: bytes, hashed, banks: ['sha256'] },
    findImage: (path) => join(directory, path),
  });
  const measured = items.find((item) => item.event === 'image' && item.component === 'kernel');
  assert.deepEqual(measured, {
    ...{ event: 'image', domain: 'dom0', component: 'kernel', size: kernel.length },
    digests: { sha256: digests.sha256 },
  });
});
