import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { cached } from '../lib/cache.ts';
import { bundleCommand } from './bundle-command.ts';
import { RootTree } from './root-tree.ts';
import { addonPath, nodeRuntime } from './runtime.ts';

const commandDirectory = '/usr/lib/domb/command';
const dlopened = ['libxenctrl.so.4.17', 'libxenguest.so.4.17', 'libxenstore.so.4'];

/**
 * Builds a ramdisk segment that brings Node and the command `domb` to a dom0: it goes behind dom0's own ramdisk. Returns
 * its path.
 */
export async function commandSegment(): Promise<string> {
  const runtime = await nodeRuntime({
    name: 'command-runtime',
    packages: ['libxenmisc4.17', 'libxenstore4', 'libstdc++6'],
    libraries: dlopened,
    modules: [],
    directories: [],
  });
  const root = new RootTree();
  for (const [name, bytes] of await bundleCommand()) {
    root.file(`${commandDirectory}/${name}`, bytes, name === 'main.mjs' ? 0o755 : 0o644);
  }
  root.link('/usr/bin/domb', join(commandDirectory, 'main.mjs'));
  root.link(join(commandDirectory, basename(addonPath)), addonPath);
  const command = root.archive();
  const digest = createHash('sha256').update(command).digest('hex');
  const directory = await cached('command-segment', [runtime, digest], async (work) => {
    // Linux unpacks archives one behind the other.
    const segment = Buffer.concat([command, await readFile(runtime)]);
    await writeFile(join(work, 'domb-command.cpio.zst'), segment);
  });
  return join(directory, 'domb-command.cpio.zst');
}
