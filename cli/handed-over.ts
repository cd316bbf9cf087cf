/** Where dom0 keeps what domB handed over (systemd/domb-receive). */
export const handedOverPaths = {
  directory: '/run/domb',
  log: '/run/domb/measurement.log',
  bootLog: '/run/domb/boot.log',
  record: '/run/domb/record.json',
  /** There when all of it was received. */
  received: '/run/domb/received',
  /** There where the boot failed, and this is the recovery domain. */
  failure: '/run/domb/failure.txt',
} as const;
