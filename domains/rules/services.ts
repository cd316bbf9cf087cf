import type { Fault, Known } from './rule.ts';

/** What a domain that has this service of domain 0 breaks, without regard to who the hardware domain is. */
export function serviceFault(
  service: 'xenstore' | 'console',
  { xenstore, hardware }: Known<'xenstore' | 'hardware'>,
): Fault | undefined {
  if (hardware) {
    const message = 'the hardware domain serves xenstore and consoles itself';
    return { message, hint: `remove "${service}"` };
  }
  if (service === 'console' && xenstore === false) {
    return { message: 'a console is found through xenstore', hint: 'add "xenstore: true"' };
  }
  return undefined;
}

/** What a domain with devices that domain 0 serves breaks. */
export function servedFault(
  key: 'disk' | 'vif',
  { xenstore, hardware }: Known<'xenstore' | 'hardware'>,
): Fault | undefined {
  if (hardware) {
    const message = 'the hardware domain drives the devices that it serves to others';
    return { message, hint: `remove "${key}"` };
  }
  if (xenstore === false) {
    return { message: `a ${key} is given through xenstore`, hint: 'add "xenstore: true"' };
  }
  return undefined;
}

/** What a domain with xenstore breaks where this domain is the hardware domain. */
export function xenstoreServerFault(hardwareDomid: number): Fault | undefined {
  if (hardwareDomid === 0) return undefined;
  // There xenstored takes its local clients for domain 0, and they lack its rights.
  return {
    message: `a hardware domain that is domain ${hardwareDomid} can't introduce others to xenstore`,
    hint: 'remove "xenstore", or boot a Xen with the boot-domain option and give the hardware domain domid 0',
  };
}
