import assert from 'node:assert/strict';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { seriesPatches, xenSource } from '../../../platform/hypervisor/source.ts';
import { cached } from '../../../platform/lib/cache.ts';
import { file } from '../../lib/domb.ts';
import { choices, compileObjects, nameOf, touchedFiles } from '../../lib/xen-objects.ts';

/** Those of each single patch: `node bench/series.ts`, which takes half an hour. */
describe('what the hypervisor series touches compiles, without a warning', () => {
  let counts: Record<string, number>;

  before(async () => {
    const { tree, key } = await xenSource('hypervisor');
    const patches = await Promise.all(
      (await seriesPatches()).map((path) => readFile(path, 'utf8')),
    );
    const inputs = await Promise.all(
      ['test/lib/xen-objects.ts', 'platform/hypervisor/config/xsm.config'].map((name) =>
        readFile(file(name), 'utf8'),
      ),
    );
    // Once for each state of the patches.
    const directory = await cached(
      'series-objects',
      [key, ...inputs],
      async (work) => {
        const output = join(work, 'objects');
        const compiled: typeof counts = {};
        for (const choice of choices) {
          compiled[nameOf(choice)] = await compileObjects(
            tree,
            output,
            choice,
            touchedFiles(patches),
          );
        }
        await rm(output, { recursive: true });
        await writeFile(join(work, 'counts.json'), JSON.stringify(compiled));
      },
      'day',
    );
    counts = JSON.parse(await readFile(join(directory, 'counts.json'), 'utf8'));
  });

  for (const choice of choices) {
    it(nameOf(choice), () => {
      assert.ok((counts[nameOf(choice)] ?? 0) > 20, JSON.stringify(counts));
    });
  }
});
