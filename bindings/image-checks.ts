/** What can be known about an image before any of it is given to the builder. */
import { MOST_CMDLINE } from '../domains/rules/cmdline.ts';
import { attempts } from './attempts.ts';
import type { DomainCreation, DomainImage, HypervisorError } from './hypervisor.ts';
import { refused } from './refusal.ts';

export const PAGE_BYTES = 4096;

const ELF_MAGIC = Buffer.from('\x7fELF', 'latin1');

/** @throws HypervisorError naming what the builder would refuse or quietly change */
export function checkImage(domain: DomainCreation, image: DomainImage): void {
  const { type } = domain;
  const { kernel, cmdline, handoverBytes } = image;
  const refuse = (errno: string, reason: string, hint: string): HypervisorError =>
    refused(attempts.build(domain), 'build', errno, reason, hint);

  if (ELF_MAGIC.compare(kernel.subarray(0, ELF_MAGIC.length)) !== 0) {
    throw refuse(
      'ENOEXEC',
      'the kernel is not an ELF file',
      'unpack the kernel to its ELF payload when the boot image is made',
    );
  }
  const cmdlineBytes = Buffer.byteLength(cmdline);
  if (cmdlineBytes > MOST_CMDLINE[type] || cmdline.includes('\0')) {
    throw refuse(
      'E2BIG',
      `of its command line of ${cmdlineBytes} bytes the kernel would not see all`,
      `under ${type} a kernel takes ${MOST_CMDLINE[type]} bytes without NUL`,
    );
  }
  if (!Number.isSafeInteger(handoverBytes) || handoverBytes < 0 || handoverBytes % PAGE_BYTES) {
    throw refuse(
      'EINVAL',
      `${handoverBytes} bytes are no size for a hand-over region`,
      'reserve a multiple of 4096 bytes, or 0',
    );
  }
}

/** The error for a domain that is larger than what Xen has left. */
export function tooLarge(domain: DomainCreation, freeMemoryKiB: number): HypervisorError {
  return refused(
    attempts.build(domain),
    'build',
    'ENOMEM',
    `it takes ${domain.memoryKiB} KiB, ${freeMemoryKiB} KiB are free`,
    'give the domains less memory, or the machine more',
  );
}
