import { join } from 'node:path';
import { compress } from '../../../platform/images/compress.ts';
import { RootTree } from '../../../platform/images/root-tree.ts';
import { guestWithProber, staticProgram } from '../prober-guest.ts';
import { temporaryFile } from '../support.ts';

const PROGRAM = '/usr/lib/domb/take-ring-back';

/**
 * A guest that takes the grant of its xenstore ring back before dom0 introduces it, so that nobody can (test/lib/take-ring-back.c). It has no
 * other part in the boot.
 */
export const withdrawn = {
  name: 'withdrawn',
  domid: 5,
  /** Before those that are to be introduced all the same. It has no console, and would wait for one for good. */
  manifest: `
  - name: withdrawn
    domid: 5
    type: pvh
    memory: 96MiB
    ramdisk: [guest.cpio.zst, hostile-withdrawn.cpio.zst]
    cmdline: console=hvc0 loglevel=0 domb.name=withdrawn
    xenstore: true`,
} as const;

/** Its ramdisk segment, by its name in the manifest. */
export async function withdrawnSegment(): Promise<[string, string]> {
  const source = join(import.meta.dirname, '../../lib/take-ring-back.c');
  const root = new RootTree();
  await root.copy(PROGRAM, await staticProgram('take-ring-back', [source]), 0o755);
  await guestWithProber(root, PROGRAM);
  const name = 'hostile-withdrawn.cpio.zst';
  return [name, await temporaryFile(name, compress(root.archive()))];
}
