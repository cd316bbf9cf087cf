import { join } from 'node:path';
import type { RootTree } from './root-tree.ts';

/** Package that holds one statically linked busybox. */
export const busyboxPackage = 'busybox-static';

/** Puts busybox and its applets' names into the tree. */
export async function addBusybox(
  root: RootTree,
  packageTree: string,
  applets: readonly string[],
): Promise<void> {
  await root.copy('/bin/busybox', join(packageTree, 'bin/busybox'), 0o755);
  for (const applet of applets) root.link(`/bin/${applet}`, 'busybox');
}
