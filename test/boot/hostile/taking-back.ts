import { join } from 'node:path';
import { compress } from '../../../platform/images/compress.ts';
import { RootTree } from '../../../platform/images/root-tree.ts';
import { guestWithProber, staticProgram } from '../prober-guest.ts';
import { temporaryFile } from '../support.ts';

const PROGRAM = '/usr/lib/domb/take-ring-back';

/** A guest that takes the grant of its xenstore ring back, so that nobody can introduce it (test/lib/take-ring-back.c). It has no other part in the boot. */
export const withdrawn = {
  name: 'withdrawn',
  domid: 5,
  /** Before those that are to be introduced all the same. */
  manifest: `
  - name: withdrawn
    domid: 5
    type: pvh
    memory: 96MiB
    ramdisk: [guest.cpio.zst, hostile-withdrawn.cpio.zst]
    cmdline: console=hvc0 loglevel=5 domb.name=withdrawn
    xenstore: true
    console: true`,
} as const;

/** Its ramdisk segment, by its name in the manifest. */
export async function withdrawnSegment(): Promise<[string, string]> {
  const source = join(import.meta.dirname, '../../lib/take-ring-back.c');
  const root = new RootTree();
  await root.copy(PROGRAM, await staticProgram('take-ring-back', [source]), 0o755);
  await guestWithProber(root, `read -r word\n${PROGRAM}`);
  const name = 'hostile-withdrawn.cpio.zst';
  return [name, await temporaryFile(name, compress(root.archive()))];
}

/**
 * Shell commands for dom0: xenstored lets go of the guest, as when it is started anew, and the guest is told to do it. XS_RELEASE is a message of
 * xen/io/xs_wire.h: type, three numbers of which the last is the length, and the domid as text.
 */
export const takesBack = `
log=/var/log/xen/console/guest-${withdrawn.name}.log
await() {
  tries=0
  until grep "$1" $log || [ $((tries += 1)) -gt 240 ]; do sleep 0.5; done
}
await 'guest ${withdrawn.name}: alive'
exec 3<>/dev/xen/xenbus
printf '\\011\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\002\\0\\0\\0%s\\0' ${withdrawn.domid} >&3
echo "xenstored says $(dd bs=4096 count=1 <&3 2>/dev/null | tail -c +17 | tr -d '\\0')"
exec 3>&-
echo begin >$(xenstore-read /local/domain/${withdrawn.domid}/console/tty)
await 'taken back'`;
