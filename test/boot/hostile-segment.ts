import { join } from 'node:path';
import { compress } from '../../platform/images/compress.ts';
import { RootTree } from '../../platform/images/root-tree.ts';
import { runProgram } from '../../platform/lib/run.ts';
import { temporaryFile } from './support.ts';

/** Instead of using the TPM, the guest does what its console tells it: one attack a line. */
const script = `#!/bin/sh
say() { echo "guest $1: $2" >/dev/kmsg; }
while read -r module; do insmod "$module"; done </etc/tpm-modules
until grep -q xenbus /proc/interrupts; do sleep 0.5; done
say "$1" "is ready"
while read -r attack; do
  /usr/lib/domb/hostile $attack 2>&1 | while read -r line; do say "$1" "$line"; done
  say "$1" "did $attack"
done
`;

async function compiled(source: string, libraries: readonly string[]): Promise<string> {
  const program = await temporaryFile('hostile', new Uint8Array());
  await runProgram('gcc', [
    ...['-O2', '-Wall', '-Wextra', '-Werror', '-s', '-o', program],
    join(import.meta.dirname, '../lib', source),
    ...libraries.map((name) => `-l${name}`),
  ]);
  return program;
}

/** A ramdisk segment with a program that makes an enemy of dom0; it goes behind dom0's own. */
export async function hostileDom0Segment(): Promise<string> {
  const root = new RootTree();
  const program = await compiled('hostile-dom0.c', [
    'xenctrl',
    'xenstore',
    'xengnttab',
    'xenforeignmemory',
  ]);
  await root.copy('/usr/bin/hostile', program, 0o755);
  return temporaryFile('hostile-dom0.cpio.zst', compress(root.archive()));
}

/** A ramdisk segment that makes an enemy of a guest; it goes behind the one that gives guests their TPM. */
export async function hostileSegment(): Promise<string> {
  const program = await compiled('hostile-tpmfront.c', ['xenstore', 'xengnttab', 'xenevtchn']);
  const root = new RootTree().file('/usr/lib/domb/use-tpm', Buffer.from(script), 0o755);
  await root.copy('/usr/lib/domb/hostile', program, 0o755);
  return temporaryFile('hostile.cpio.zst', compress(root.archive()));
}
