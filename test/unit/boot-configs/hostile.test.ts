/** Texts made to exhaust a parser. Each must end in a ManifestError, soon. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadManifest } from '../../../boot-configs/load.ts';
import { dom0, found, guest, load, manifest, refused } from './support.ts';

const lines = (line: string, count: number): string => `${line}\n`.repeat(count);
const anchors = (letters: string): string =>
  [...letters]
    .map((letter, index) => {
      const item = index === 0 ? 'x' : `*${letters[index - 1]}`;
      return `${letter}: &${letter} [${Array(10).fill(item).join(', ')}]\n`;
    })
    .join('');

const hostile: Record<string, string> = {
  'nested lists': '['.repeat(4000),
  'nested mappings': '{a: '.repeat(1000),
  'nested by indentation': Array.from(
    { length: 1000 },
    (_, depth) => `${' '.repeat(depth)}a:`,
  ).join('\n'),
  'nested items in one line': '- '.repeat(2000),
  'nested explicit keys': '? '.repeat(2000),
  'a million brackets': '['.repeat(1_000_000),
  commas: `[\n${lines(','.repeat(70), 1500)}`,
  'many keys': Array.from({ length: 20_000 }, (_, index) => `k${index}: 1`).join('\n'),
  'many equal keys': lines('k: 1', 20_000),
  'many unknown names': manifest(
    dom0 + guest({ after: `[${Array(8000).fill('zz').join(', ')}]` }),
  ).replaceAll('zz, '.repeat(100), `${'zz, '.repeat(100)}\n      `),
  'many bad escapes': `"${lines('\\x'.repeat(1000), 400)}"`,
  'one huge value': manifest(dom0 + guest({ cmdline: 'x'.repeat(500_000) })),
  'many tags': lines('!a '.repeat(1000), 40),
  'many documents': lines('---', 100_000),
  'empty lines': '\n'.repeat(1_000_000),
  'aliases of aliases': manifest(dom0, anchors('abcdefghij')),
  'an alias in itself': 'a: &a { b: [*a] }',
  'names of object internals':
    'version: 2\n__proto__: { domains: [] }\nconstructor: 1\ndomains: []',
  'infinity and nothing': 'version: .inf\nplatform: .nan\ndomains: 1e999',
};

for (const [name, text] of Object.entries(hostile)) {
  test(`${name} end in an error`, () => {
    const { problems } = refused(text);
    assert.ok(problems.length >= 1 && problems.length <= 100);
  });
}

test('duplicate keys among many are found without comparing each with each', () => {
  const duration = (length: number) => {
    const keys = Array.from({ length }, (_, index) => `k${index}: 1`);
    const started = performance.now();
    refused(keys.join('\n'));
    return performance.now() - started;
  };
  duration(1000);
  const few = Math.max(duration(5000), duration(5000));
  // Each with each would take sixteen times as long.
  assert.ok(Math.min(duration(20_000), duration(20_000)) < 10 * few);
});

test('aliases that are used with measure work', () => {
  const text = manifest(
    `${dom0.replace('kernel: vmlinux', 'kernel: &kernel vmlinux')}\n    digests: &pinned { kernel: &d "sha256:${'a'.repeat(64)}" }` +
      guest({ kernel: '*kernel', digests: '*pinned' }) +
      guest({ name: 'b', domid: '2', kernel: '*kernel', digests: '{ kernel: *d }' }),
  );
  const [first, second, third] = load(text).domains;
  assert.equal(second?.kernel, 'vmlinux');
  assert.deepEqual(second?.digests, first?.digests);
  assert.deepEqual(third?.digests, first?.digests);
});

test('an alias means the anchor that stands before it, also inside another alias', () => {
  const text = manifest(
    `${dom0.replace('capabilities: [', 'capabilities: &rights [&c ').replace('&c control', '&c control')}` +
      guest({ name: '&c web', after: '[dom0]' }) +
      guest({ name: 'b', domid: '2', after: '[*c]' }),
  );
  assert.deepEqual(
    load(text).domains.map((domain) => domain.name),
    ['dom0', 'web', 'b'],
  );
});

test('a mistake behind an alias is reported once, where it stands', () => {
  const text = manifest(
    dom0 + guest({ memory: '&size 12' }) + guest({ name: 'b', domid: '2', memory: '*size' }),
  );
  assert.deepEqual(found(text), ['13:19 wrong-type domains[1].memory']);
});

test('keys without values, in every notation, have no value', () => {
  assert.deepEqual(found('? version\n? domains\n'), [
    '1:3 wrong-value version',
    '2:3 wrong-type domains',
  ]);
  assert.deepEqual(found('{ version, domains: }'), [
    '1:3 wrong-value version',
    '1:12 wrong-type domains',
  ]);
});

test('1000 domains are read', () => {
  const domains = Array.from({ length: 999 }, (_, index) =>
    guest({
      name: `g${index}`,
      domid: String(index + 1),
      vcpus: '2',
      ramdisk: `guests/g${index}.cpio.zst`,
      cmdline: 'console=hvc0 earlyprintk=xen root=/dev/ram0',
      after: index === 0 ? '[dom0]' : `[dom0, g${index - 1}]`,
    }),
  );
  const bytes = Buffer.from(manifest(dom0 + domains.join('')));
  assert.equal(loadManifest(bytes, 'large.yaml').domains.length, 1000);
  assert.deepEqual(found(manifest(dom0 + domains.join('') + guest({ domid: '2000' }))), [
    '3:3 wrong-value domains',
  ]);
  const [tooMany] = refused(manifest(dom0 + domains.join('') + guest({ domid: '2000' }))).problems;
  assert.equal(tooMany?.message, '1001 are too many');
  assert.match(tooMany.hint, /^expected a list of 1 to 1000 domains/);
});
