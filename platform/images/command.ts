import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { cached } from '../lib/cache.ts';
import { bundleCommand } from './bundle-command.ts';
import { nodeSegment } from './node.ts';
import { RootTree } from './root-tree.ts';
import { addonPath } from './runtime.ts';

const commandDirectory = '/usr/lib/domb/command';

/**
 * Builds a ramdisk segment that brings Node and the command `domb` to a dom0: it goes behind dom0's own ramdisk. Returns
 * its path.
 */
export async function commandSegment(): Promise<string> {
  const runtime = await nodeSegment();
  const root = new RootTree();
  for (const [name, bytes] of await bundleCommand()) {
    root.file(`${commandDirectory}/${name}`, bytes, name === 'main.mjs' ? 0o755 : 0o644);
  }
  root.link('/usr/bin/domb', join(commandDirectory, 'main.mjs'));
  root.link(join(commandDirectory, basename(addonPath)), addonPath);
  const command = root.archive();
  const digest = createHash('sha256').update(command).digest('hex');
  const directory = await cached(
    'command-segment',
    [runtime, digest],
    async (work) => {
      // Linux unpacks archives one behind the other.
      const segment = Buffer.concat([command, await readFile(runtime)]);
      await writeFile(join(work, 'domb-command.cpio.zst'), segment);
    },
    'day',
  );
  return join(directory, 'domb-command.cpio.zst');
}
