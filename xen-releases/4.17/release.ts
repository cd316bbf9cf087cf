import { join } from 'node:path';
import type { XenRelease } from '../release.ts';
import layout from './layout.json' with { type: 'json' };

/** Debian 12's. */
export const xen417: XenRelease = {
  version: '4.17',
  layout,
  libraries: {
    control: 'libxenctrl.so.4.17',
    guest: 'libxenguest.so.4.17',
    light: 'libxenlight.so.4.17',
  },
  flask: {
    domain: { class: 3, create: 1 << 4, destroy: 1 << 7 },
    hvm: { class: 5, setparam: 1 << 2 },
    mmu: { class: 6, map_read: 1 << 0, map_write: 1 << 1 },
  },
  source: {
    package: 'xen',
    series: '4.17.',
    codename: 'bookworm',
    patches: join(import.meta.dirname, 'patches'),
  },
  // XEN_SYSCTL_PHYSCAP_dma_confined
  ownCapabilities: { dmaConfined: 1 << 10 },
  packages: {
    libraries: 'libxenmisc4.17',
    store: 'libxenstore4',
    tools: 'xen-utils-4.17',
    toolDirectory: 'usr/lib/xen-4.17/bin',
  },
};
