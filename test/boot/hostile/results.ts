/** What Xen answers, as the prober says it: error numbers of Xen (xen/include/public/errno.h), which are Linux's. */
export const results = {
  EPERM: -1,
  ESRCH: -3,
  EIO: -5,
  EACCES: -13,
  EFAULT: -14,
  EBUSY: -16,
  ENODEV: -19,
  EINVAL: -22,
  ENOSYS: -38,
  EOPNOTSUPP: -95,
  /** Of grants (xen/include/public/grant_table.h). */
  GNTST_permission_denied: -8,
  /** Nothing was done, and how much was done is the answer. */
  nothing: 0,
  /** What a port says behind which nothing answers. */
  'all ones in 8 bits': 0xff,
  'all ones in 16 bits': 0xffff,
} as const;

export type Result = keyof typeof results;
