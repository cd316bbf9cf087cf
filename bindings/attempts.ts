/** The operations as they appear in errors, with the advice that belongs to them. */
import type { DomainProperties } from '../domains/settings.ts';
import type { Attempt } from './refusal.ts';

type Named = Pick<DomainProperties, 'domid' | 'name'>;

export const attempts = {
  resolve: (seclabel: string): Attempt => ({
    wanted: `resolve the label ${seclabel}`,
    hints: {
      EINVAL: 'use a label that the FLASK policy defines',
      ENOSYS: 'boot a Xen built with XSM and FLASK',
    },
  }),
  resolveForBuilding: (label: string, seclabel: string): Attempt => ({
    wanted: `resolve the label ${label}, under which a domain is built that gets ${seclabel}`,
    hints: {
      EINVAL:
        'use a label that the boot domain may build; in a policy of your own, declare it with boot_guest (platform/policy/README.md)',
      ENOSYS: 'boot a Xen built with XSM and FLASK',
    },
  }),
  loadPolicy: {
    wanted: 'load the FLASK policy',
    hints: {
      EACCES: 'the policy that Xen was started with must let the boot domain load one',
      EINVAL:
        "see Xen's console; the policy must be compiled for this Xen (policy version 30 at most)",
    },
  } satisfies Attempt,
  restrictHardware: { wanted: 'restrict the hardware domain' } satisfies Attempt,
  connect: (
    from: { domid: number; port: number },
    to: { domid: number; port: number },
  ): Attempt => ({
    wanted: `join port ${from.port} of domain ${from.domid} to port ${to.port} of domain ${to.domid}`,
    domid: from.domid,
    hints: {
      EOPNOTSUPP: 'write "argo=1" on Xen\'s command line',
      ENODEV:
        'build the policy with platform/policy/optional/channels (docs/channels.md): one of the two may not use Argo',
      EACCES:
        "the policy does not let these two be joined: look for 'avc: denied' on Xen's console; docs/channels.md says how it is built",
    },
  }),
  moveDevices: (from: number, domid: number): Attempt => ({
    wanted: `move devices from domain ${from} to domain ${domid}`,
    domid,
    hints: {
      EPERM: `domain ${from} does not have all of them, or the policy does not let the boot domain give what it does not have: look for 'avc: denied' on Xen's console; platform/policy/README.md says how the module delegation is added`,
    },
  }),
  create: ({ domid, name }: Named): Attempt => ({
    wanted: `create domain ${domid} ("${name}")`,
    domid,
    hints: {
      EEXIST: 'another domain has this domid: give one of the two another',
      EINVAL:
        "see Xen's console; a label that belongs to the initial SID dom0 is for the boot domain alone, and a PVH or HVM domain needs hardware virtualisation with nested paging",
    },
  }),
  reuse: ({ domid, name }: Named): Attempt => ({
    wanted: `use the empty domain ${domid} for "${name}"`,
    domid,
  }),
  build: ({ domid, name }: Named): Attempt => ({
    wanted: `build domain ${domid} ("${name}")`,
    domid,
    hints: {
      // Most of libxenguest tells no errno; what it logged is in the message.
      '': "the kernel must carry Xen's ELF notes for the domain's type, and kernel, ramdisk and page tables must fit into its memory",
    },
  }),
  handOver: (domid: number): Attempt => ({ wanted: `hand over to domain ${domid}`, domid }),
  label: (domid: number): Attempt => ({
    wanted: `give domain ${domid} its label`,
    domid,
    hints: {
      EACCES:
        'the FLASK policy must let the boot domain change X_building into X (boot_domain in platform/policy/modules/domb.te)',
    },
  }),
  readBack: (domid: number): Attempt => ({
    wanted: `read back what domain ${domid} has`,
    domid,
  }),
  start: (domid: number): Attempt => ({ wanted: `start domain ${domid}`, domid }),
  destroy: (domid: number): Attempt => ({
    wanted: `destroy domain ${domid}`,
    domid,
    hints: { EINVAL: 'it may hold devices that this domain has no right to; end the platform' },
  }),
  setWatchdog: (seconds: number): Attempt => ({
    wanted: seconds > 0 ? `set the watchdog to ${seconds} seconds` : 'stop the watchdog',
  }),
  endPlatform: (domid: number): Attempt => ({
    wanted: `end the platform through domain ${domid}`,
    domid,
  }),
} as const;
