/** Two checkouts of the same sources are one to the cache, and give the same bytes. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { root } from '../../lib/source-tree.ts';

/** Where the cache has everything a platform is made of, and digests of the bundles, as JSON. */
const program = `
  const [{ createHash }, { platformParts }, { bundle }, { bundleCommand }] = await Promise.all(
    ['node:crypto', './platform/demo/parts.ts', './platform/images/bundle.ts', './platform/images/bundle-command.ts']
      .map((name) => import(name.startsWith('.') ? process.argv[1] + name.slice(1) : name)),
  );
  const { images, hypervisor, xenEfi, policy, kernel, bzImage } = await platformParts((_, work) => work());
  const digest = (bytes) => createHash('sha256').update(bytes).digest('hex');
  const made = [...images].filter(([, path]) => !path.startsWith(process.argv[1] + '/'));
  const programs = ['daemon/run/main.ts', 'vtpm/backend/main.ts', 'boot-scripts/worker.ts'];
  const bundles = [];
  for (const path of programs) {
    bundles.push([path, digest(await bundle(process.argv[1] + '/' + path, '/usr/bin/node'))]);
  }
  for (const [name, bytes] of await bundleCommand()) bundles.push([name, digest(bytes)]);
  process.stdout.write(JSON.stringify({ made, hypervisor, xenEfi, policy, kernel, bzImage, bundles }));
`;

function partsOf(checkout: string): unknown {
  const output = execFileSync(
    process.execPath,
    ['--input-type=module', '-e', program, checkout],
    // esbuild takes paths from where it is started.
    { cwd: '/', encoding: 'utf8', maxBuffer: 1 << 24 },
  );
  return JSON.parse(output);
}

test('two checkouts make the same artefacts, and the second one finds those of the first', () => {
  const place = mkdtempSync(join(tmpdir(), 'domb-place-'));
  try {
    const copy = join(place, 'somewhere/else');
    const files = execFileSync('git', ['ls-files', '-co', '--exclude-standard'], {
      cwd: root,
      encoding: 'utf8',
    });
    for (const path of files.split('\n').filter(Boolean)) {
      cpSync(join(root, path), join(copy, path), { verbatimSymlinks: true, force: true });
    }
    // With packages of its own, not a link to ours.
    cpSync(join(root, 'node_modules'), join(copy, 'node_modules'), {
      recursive: true,
      verbatimSymlinks: true,
    });
    assert.deepEqual(partsOf(copy), partsOf(root));
  } finally {
    rmSync(place, { recursive: true });
  }
});
