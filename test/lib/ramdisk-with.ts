import { cpio } from '../../initramfs/cpio.ts';

/** A ramdisk for tests that need one and do not start it: its init is `text`. */
export function ramdiskWith(text: string): Buffer {
  return cpio([{ path: 'init', type: 'file', mode: 0o755, data: Buffer.from(text) }]);
}
