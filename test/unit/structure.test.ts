import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { circleIn, importsOf, productionFiles } from '../lib/source-tree.ts';

/**
 * The top-level folders: each imports only from those that stand above it, types included. `docs/architecture.md` says it in
 * words.
 */
const layers = [
  'xen-releases',
  'measurement/node-tpm2-pts',
  'measurement',
  'domains',
  'initramfs',
  'boot-scripts',
  'boot-configs',
  'bindings',
  'vtpm',
  'introduction',
  'daemon',
  'platform',
  'cli',
];

/** Files that stand for themselves. */
const data = /\.json$/;

const files = productionFiles();

function folderOf(path: string): string {
  const inside = layers.filter((layer) => path.startsWith(`${layer}/`));
  return inside[0] ?? (path.split('/')[0] as string);
}

test('no module imports itself through others, types included', () => {
  const circle = circleIn(new Map(files.map((file) => [file.path, importsOf(file)])));
  assert.equal(circle?.join('\n -> '), undefined);
});

test('folders import downwards only', () => {
  const upwards = files.flatMap((file) =>
    importsOf(file)
      .filter((path) => !data.test(path))
      .filter((path) => layers.indexOf(folderOf(path)) > layers.indexOf(folderOf(file.path)))
      .map((path) => `${file.path} imports ${path}`),
  );
  assert.deepEqual(upwards, []);
  assert.deepEqual([...new Set(files.map(({ path }) => folderOf(path)))].sort(), layers.toSorted());
});

test('vtpm imports nothing of platform, and daemon nothing of how images and machines are made', () => {
  const platform = files
    .filter(({ path }) => /^(vtpm|daemon|bindings|measurement)\//.test(path))
    .flatMap(importsOf)
    .filter((path) => path.startsWith('platform/'));
  assert.deepEqual(platform, []);
});

test('the picture of the folders in docs/architecture.md is what the code imports', () => {
  const page = readFileSync(join(import.meta.dirname, '../../docs/architecture.md'), 'utf8');
  const picture = /## The folders.*?```mermaid\n(.*?)```/s.exec(page)?.[1] ?? '';
  const names = new Map(
    [...picture.matchAll(/(\w+)\["([^<"]+)/g)].map(([, node = '', folder = '']) => [node, folder]),
  );
  const nameOf = (node: string) => names.get(node) ?? node;
  const drawn = new Map<string, Set<string>>();
  for (const [, from = '', to = ''] of picture.matchAll(/^ {2}(\w+)\S*.*? --> (\w+)/gm)) {
    drawn.set(nameOf(from), (drawn.get(nameOf(from)) ?? new Set()).add(nameOf(to)));
  }
  assert.ok(drawn.size > 5, picture);
  const reached = (from: string, to: string): boolean =>
    [...(drawn.get(from) ?? [])].some((next) => next === to || reached(next, to));
  const place = (path: string) => /^(daemon\/\w+|[\w-]+)\//.exec(path)?.[1];
  const imports = new Set(
    files.flatMap((file) =>
      importsOf(file)
        .map((path) => [place(file.path), place(path)])
        .filter(([from, to]) => from !== undefined && to !== undefined && from !== to)
        .map(([from, to]) => `${from} -> ${to}`),
    ),
  );
  const missing = [...imports].filter((edge) => {
    const [from = '', to = ''] = edge.split(' -> ');
    return !reached(from, to);
  });
  assert.deepEqual(missing, [], 'the code imports what the picture does not show');
  const idle = [...drawn].flatMap(([from, tos]) =>
    [...tos].map((to) => `${from} -> ${to}`).filter((edge) => !imports.has(edge)),
  );
  assert.deepEqual(idle, [], 'the picture shows what the code does not import');
});

test("README's table has every top-level folder of the code", () => {
  const readme = readFileSync(join(import.meta.dirname, '../../README.md'), 'utf8');
  const table = /## Folders\n(.*?)\n## /s.exec(readme)?.[1] ?? '';
  const told = [...table.matchAll(/^\| `([\w-]+)`/gm)].map(([, name = '']) => name);
  const folders = new Set(layers.map((layer) => layer.split('/')[0] as string));
  assert.deepEqual(
    [...folders].filter((folder) => !told.includes(folder)),
    [],
  );
});

test('what finds circles finds them', () => {
  const edges = (text: string) =>
    new Map(text.split(' ').map((edge) => [edge[0] as string, [...edge.slice(1)]]));
  assert.equal(circleIn(edges('abc bc c')), undefined);
  assert.deepEqual(circleIn(edges('ab bc ca')), ['a', 'b', 'c', 'a']);
  assert.deepEqual(circleIn(edges('ab bb')), ['b', 'b']);
  const text = [
    "import type { A } from './a.ts';",
    "import {\n  b,\n  type C,\n} from '../b.ts';",
    "export { d } from './d.ts';",
    "import './e.ts';",
    "const f = () => import('./f/f.ts');",
    "import { join } from 'node:path';",
  ].join('\n');
  assert.deepEqual(importsOf({ path: 'x/y.ts', text }), [
    ...['x/a.ts', 'b.ts', 'x/d.ts', 'x/e.ts', 'x/f/f.ts'],
  ]);
});
