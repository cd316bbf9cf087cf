import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { commands } from '../../cli/commands.ts';
import { assertShown } from '../documentation/assert-shown.ts';
import { documentedCommands, fromPage, mentions } from '../documentation/extract.ts';
import { commandsIn, documented } from '../documentation/table.ts';
import { Tree } from '../documentation/tree.ts';
import { file } from '../lib/domb.ts';
import { ramdiskWith } from '../lib/ramdisk-with.ts';
import { elf, pvNotes } from '../unit/boot-configs/elf-builder.ts';

const found = documentedCommands();

test('every command in README.md, docs/*.md and the manual page is one that a test runs', () => {
  const known = new Set(documented.map(({ command }) => command));
  const unknown = found.filter(({ command }) => !known.has(command));
  assert.deepEqual(unknown, [], 'say in test/documentation/table.ts how these are run');
  const there = new Set(found.map(({ command }) => command));
  assert.deepEqual(
    [...known].filter((command) => !there.has(command)),
    [],
    'nobody documents these',
  );
  for (const { command, where, by } of documented) {
    assert.equal(where === 'elsewhere', by !== undefined, command);
    assert.ok(by === undefined || existsSync(file(by)), `${command}: there is no ${by}`);
  }
});

test('what else is said of the command names commands and options that there are', () => {
  const pages = ['README.md', ...readdirSync(file('docs')).map((name) => `docs/${name}`)];
  let count = 0;
  for (const page of pages.filter((name) => name.endsWith('.md'))) {
    for (const { code, name, options } of mentions(readFileSync(file(page), 'utf8'))) {
      const command = commands.find((each) => each.name === name);
      assert.ok(command, `${page}: ${code}`);
      const known = command.options.map((option) => option.name);
      assert.deepEqual(
        options.filter((each) => !known.includes(each)),
        [],
        `${page}: ${code}`,
      );
      count += 1;
    }
  }
  assert.ok(count > 10, `${count}`);
});

test('commands are found in blocks, fenced and indented, and within sentences', () => {
  const page = [
    'Run `npm run other` or `domb plan x`, as `domb plan --images DIR` and `domb plan` say.',
    ...['', '```', 'frobnicate --all   # everything', 'domb two \\', '  --options', '```', ''],
    ...['1. Then', '', '       tool3 x', '', '```yaml', 'domb: not this', '```', ''],
  ];
  assert.deepEqual(fromPage('page', page.join('\n')), [
    { command: 'frobnicate --all', place: 'page:4' },
    { command: 'domb two --options', place: 'page:6' },
    { command: 'tool3 x', place: 'page:11' },
    { command: 'npm run other', place: 'page:1' },
    { command: 'domb plan x', place: 'page:1' },
  ]);
});

describe('the documentation, literally:', () => {
  let images: string;
  let tree: Tree;
  before(async () => {
    images = await mkdtemp(join(tmpdir(), 'domb-images-'));
    await writeFile(join(images, 'vmlinux'), elf({ notes: pvNotes }));
    for (const name of ['vtpm', 'dom0']) {
      await writeFile(join(images, `${name}.cpio.zst`), ramdiskWith(name));
    }
    tree = await Tree.make(readFileSync(file('boot-configs/demo.yaml'), 'utf8'), images);
  });
  after(async () => {
    await tree?.remove();
    await rm(images, { recursive: true });
  });

  for (const each of commandsIn('tree')) {
    // Not by its whole name: one of them runs tests by a name, and would find itself.
    const place = found.find(({ command }) => command === each.command)?.place;
    test(`${place}: ${each.command.split(' ').slice(0, 3).join(' ')}`, async () =>
      assertShown(each, await tree.run(each)));
  }
});
