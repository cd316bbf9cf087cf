/** Where dom0 keeps what domB handed over (systemd/domb-receive). */
export const handedOverPaths = {
  directory: '/run/domb',
  log: '/run/domb/measurement.log',
  bootLog: '/run/domb/boot.log',
  record: '/run/domb/record.json',
} as const;
