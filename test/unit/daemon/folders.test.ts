import assert from 'node:assert/strict';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { productionFiles, type SourceFile } from '../../lib/source-tree.ts';

/** What names the daemon's execution from outside and is meant: the boot image's daemon, and what starts it, are bundled from here. */
const entryPoints = [
  'platform/images/boot-parts.ts: daemon/run/main.ts',
  'platform/images/boot-parts.ts: daemon/run/launch.ts',
];

/** Modules that a source names in any way: imports of values and types, `import()`, and paths of what is bundled or started. */
function namedIn({ path, text }: SourceFile): string[] {
  const named = [...text.matchAll(/(['"`])(\.{1,2}\/[^'"`\n]*\.ts)\1/g)];
  return named.map(([, , target = '']) => join(dirname(path), target));
}

const ofExecution = (files: readonly SourceFile[]) =>
  files.flatMap((file) =>
    namedIn(file)
      .filter((path) => path.startsWith('daemon/run/'))
      .map((path) => `${file.path}: ${path}`),
  );

const files = productionFiles();
const inside = (folder: string) => files.filter(({ path }) => path.startsWith(`${folder}/`));

test('nothing outside of the daemon knows how it runs a boot; cli and platform import what a boot is', () => {
  const outside = files.filter(({ path }) => !path.startsWith('daemon/'));
  assert.deepEqual(ofExecution(outside), entryPoints);
  for (const user of ['cli', 'platform']) {
    assert.ok(inside(user).flatMap(namedIn).includes('daemon/plan/prediction.ts'), user);
  }
});

test('what a boot is, and what scripts do to it, knows nothing of how it is run', () => {
  assert.deepEqual(ofExecution(inside('daemon/plan')), []);
  // They are tried without a boot, too.
  assert.deepEqual(ofExecution(inside('daemon/scripts')), []);
  assert.ok(ofExecution(inside('daemon/run')).length > 50);
});

test('names of every form are seen', () => {
  const text = `
    import { a } from '../daemon/run/a.ts';
    import type { B } from "../daemon/run/b.ts";
    export * from '../daemon/run/c.ts';
    const d = await import('../daemon/run/d.ts');
    const e = join(import.meta.dirname, '../daemon/run/e.ts');
    import './f.ts';
    import { g } from 'node:path';`;
  assert.deepEqual(namedIn({ path: 'cli/x.ts', text }), [
    ...['a', 'b', 'c', 'd', 'e'].map((name) => `daemon/run/${name}.ts`),
    'cli/f.ts',
  ]);
});
