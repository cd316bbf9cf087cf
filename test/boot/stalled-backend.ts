import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { compress } from '../../platform/images/compress.ts';
import { RootTree } from '../../platform/images/root-tree.ts';
import { temporaryFile } from './support.ts';

const init = join(import.meta.dirname, '../../platform/images/vtpm-backend/init');
const start = '/usr/lib/domb/backend.cjs\n';

/** The back end, and what passes commands, stand still for as many seconds as a line on the domain's console says, or fails when it says so. */
const stalling = `NODE_OPTIONS=--require=/usr/lib/domb/failing.cjs /usr/lib/domb/backend.cjs &
backend=$!
all() {
  kill "$1" $backend
  for process in /proc/[0-9]*; do
    read -r name 2>/dev/null <"$process/comm" && [ "$name" = tpmback ] && kill "$1" "\${process#/proc/}"
  done
}
while read -r seconds; do
  [ "$seconds" = fail ] && { kill -USR2 $backend; continue; }
  all -STOP
  say "stands still for $seconds s"
  sleep $seconds
  all -CONT
done </dev/console &
wait $backend
`;

/** An error that nobody has thought of. */
const failing = "process.on('SIGUSR2', () => { throw new Error('told to fail'); });";

/** A ramdisk segment for the vTPM domain, which goes behind its own; the domain needs a console. dom0 has no right to stop it. */
export async function stalledSegment(): Promise<string> {
  const text = await readFile(init, 'utf8');
  if (!text.includes(start)) throw new Error(`${init} does not start ${start}`);
  const root = new RootTree()
    .file('/init', text.replace(start, stalling), 0o755)
    .file('/usr/lib/domb/failing.cjs', failing);
  return temporaryFile('stalled.cpio.zst', compress(root.archive()));
}

/** Shell commands for dom0: the back end of domain `domid`, called vtpm, stands still from here on for so many seconds. */
export const stall = (domid: number, seconds: number) => `
stalls() { grep -c 'stands still' /var/log/xen/console/guest-vtpm.log; }
before=$(stalls)
echo ${seconds} >$(xenstore-read /local/domain/${domid}/console/tty)
until [ "$(stalls)" -gt "$before" ] || [ $((waits += 1)) -gt 100 ]; do sleep 0.1; done`;
