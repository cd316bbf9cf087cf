import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import type { Documented } from './table.ts';

const bin = join(import.meta.dirname, '../../bin');

/** Where Linux has the log; only the command sees it there. */
const script = `mount -t tmpfs none /sys/kernel && mkdir -p /sys/kernel/security/tpm0 &&
cp "$1" /sys/kernel/security/tpm0/binary_bios_measurements && exec bash -c "$2"`;

/** Runs a command of the documentation as if this machine's firmware had left the log in `file`. */
export function withFirmwareLog(
  file: string,
  { command }: Documented,
): { status: number; said: string } {
  const rights = process.getuid?.() === 0 ? [] : ['--map-root-user'];
  const argv = [...rights, '--mount', 'sh', '-c', script, 'sh', file, command];
  const env = { ...process.env, PATH: `${bin}:${process.env.PATH}` };
  const { status, stdout, stderr } = spawnSync('unshare', argv, { env, encoding: 'utf8' });
  return { status: status ?? -1, said: stdout + stderr };
}
