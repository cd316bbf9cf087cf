import { constants } from 'node:os';

/**
 * errno values that Xen returns (xen/include/public/errno.h, the same numbers as Linux on x86) and that Node's own
 * table leaves out.
 */
const XEN_ONLY = { EBADRQC: 56, EBADSLT: 57, ERESTART: 85, EUSERS: 87 };

const NAMES = new Map<number, string>(
  Object.entries({ ...constants.errno, ...XEN_ONLY })
    // Two names share a number in two cases; Xen and libxc speak of the POSIX one.
    .filter(([name]) => name !== 'EWOULDBLOCK' && name !== 'ENOTSUP')
    .map(([name, value]) => [value, name]),
);

/** Symbolic name of a positive errno value, for example `EEXIST` for 17; `errno 999` for one without a name. */
export function errnoName(value: number): string {
  return NAMES.get(value) ?? `errno ${value}`;
}
