/** Where dom0 keeps what domB handed over (systemd/domb-receive). */
export const handedOver = {
  directory: '/run/domb',
  log: '/run/domb/measurement.log',
  bootLog: '/run/domb/boot.log',
} as const;
