import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { hashing, hashNow } from '../../measurement/hash-chunks.ts';
import { productionFiles } from '../lib/source-tree.ts';

test('digests and sizes are those of all chunks together', () => {
  const chunks = [Buffer.from('domb'), Buffer.alloc(0), Buffer.from(' boots')];
  const whole = Buffer.concat(chunks);
  assert.deepEqual(hashNow(chunks, ['sha256', 'sha512']), {
    size: whole.length,
    digests: {
      sha256: createHash('sha256').update(whole).digest('hex'),
      sha512: createHash('sha512').update(whole).digest('hex'),
    },
  });
});

test('others get their turn every 64 MiB', () => {
  const chunk = Buffer.alloc(16 * 1024 * 1024);
  const work = hashing(
    Array.from({ length: 9 }, () => chunk),
    ['sha256'],
  );
  let turns = 0;
  while (!work.next().done) turns += 1;
  assert.equal(turns, 2);
});

/** Digests of what is in memory as a whole: no loop, no file. */
const inMemory = [
  'cli/bundled/build.ts',
  'measurement/evidence/evidence.ts',
  'platform/images/command.ts',
  'platform/images/vtpm-backend.ts',
  'platform/lib/cache.ts',
  // While it is written, so that it need not be read again.
  'platform/lib/pieces.ts',
  // Small files that identify sources.
  'platform/hypervisor/source.ts',
  'platform/policy/build.ts',
  // Parts of an image that are left out of its digest.
  'measurement/firmware/authenticode.ts',
];

test('files are hashed in one place', () => {
  const hashing = productionFiles()
    .filter(({ path, text }) => !path.includes('node-tpm2-pts') && text.includes('createHash('))
    .map(({ path }) => path);
  assert.deepEqual(hashing.sort(), [...inMemory, 'measurement/hash-chunks.ts'].sort());
});
