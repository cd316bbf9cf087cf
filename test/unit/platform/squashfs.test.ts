import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { RootTree } from '../../../platform/images/root-tree.ts';
import { writeSquashfs } from '../../../platform/images/squashfs.ts';
import { runProgram } from '../../../platform/lib/run.ts';

async function scratch(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'domb-squashfs-'));
  t.after(() => rm(directory, { recursive: true }));
  return directory;
}

test('a tree as a squashfs: all of it, of nobody in particular, and the same bytes again', async (t) => {
  const directory = await scratch(t);
  const placed = join(directory, 'placed');
  await writeFile(placed, 'placed', { mode: 0o600 });
  const tree = () =>
    new RootTree()
      .file('/usr/bin/program', Buffer.alloc(3 << 20, 'program'), 0o755)
      .place('/lib/placed', placed)
      .link('/bin', '/usr/bin')
      .directory('/empty');
  const [first, second] = [join(directory, 'first'), join(directory, 'second')];
  await writeSquashfs(tree(), first);
  const umask = process.umask(0o077);
  t.after(() => process.umask(umask));
  await writeSquashfs(tree(), second);
  assert.ok((await readFile(first)).equals(await readFile(second)));
  const listed = await runProgram('unsquashfs', ['-UTC', '-lls', first]);
  const lines = listed.split('\n').map((line) => line.replace(/ +/g, ' '));
  for (const line of [
    '-rwxr-xr-x root/root 3145728 1970-01-01 00:00 squashfs-root/usr/bin/program',
    '-rw-r--r-- root/root 6 1970-01-01 00:00 squashfs-root/lib/placed',
    'lrwxrwxrwx root/root 8 1970-01-01 00:00 squashfs-root/bin -> /usr/bin',
  ]) {
    assert.ok(lines.includes(line), listed);
  }
  assert.match(listed, /^drwxr-xr-x root\/root .* squashfs-root\/empty$/m);
  const program = await runProgram('unsquashfs', ['-cat', first, 'usr/bin/program']);
  assert.equal(program.length, 3 << 20);
});

test('a tree with a device is refused', async (t) => {
  const tree = new RootTree().characterDevice('/dev/console', 0o600, 5, 1);
  await assert.rejects(
    writeSquashfs(tree, join(await scratch(t), 'none')),
    /dev\/console: no devices/,
  );
});
