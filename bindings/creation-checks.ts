/** What no Xen would accept, or would quietly take for something else, found before it is asked. */
import { attempts } from './attempts.ts';
import type { DomainCreation, HypervisorError } from './hypervisor.ts';
import { refused } from './refusal.ts';
import { MOST_PROCESSORS } from './xen/acpi.ts';

/**
 * The domid whose creation makes a domain the hardware domain, by Xen's command line: 0 with `boot-domain`, else that of
 * `hardware_dom=`; undefined when there is neither.
 */
export function hardwareDomidOf(xenCommandLine: string): number | undefined {
  let late: number | undefined;
  let bootDomain = false;
  // As in Xen, the last one counts.
  for (const word of xenCommandLine.split(/\s+/)) {
    const [name, value] = word.split('=', 2);
    if (name === 'hardware_dom' && value !== undefined) late = Number(value);
    if (name === 'boot-domain') bootDomain = !/^(0|no|off|false|disable)$/.test(value ?? '');
    if (name === 'no-boot-domain') bootDomain = false;
  }
  return bootDomain ? 0 : late;
}

/**
 * @param hardwareDomid what {@link hardwareDomidOf} gives for the running Xen
 * @throws HypervisorError when the properties do not go together
 */
export function checkCreation(domain: DomainCreation, hardwareDomid: number | undefined): void {
  const { domid, uuid, type, vcpus, memoryKiB, hardware } = domain;
  const refuse = (reason: string, hint: string): HypervisorError =>
    refused(attempts.create(domain), 'create', 'EINVAL', reason, hint);

  if (!Number.isInteger(domid) || domid < 0 || domid > 0xffff) {
    throw refuse(`${domid} is no domid`, 'domids are integers of 16 bits');
  }
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(uuid)) {
    throw refuse(`${uuid} is no UUID`, 'write it in canonical form, 36 characters');
  }
  if (!Number.isSafeInteger(memoryKiB) || memoryKiB <= 0 || memoryKiB % 4 !== 0) {
    throw refuse(`${memoryKiB} KiB are no memory size`, 'memory comes in pages of 4 KiB');
  }
  if (!Number.isSafeInteger(vcpus) || vcpus < 1) {
    throw refuse(`${vcpus} is no number of vCPUs`, 'give it at least one vCPU');
  }
  if (hardware && type !== 'pv') {
    throw refuse('a hardware domain made by a boot domain cannot be PVH', 'make it type pv');
  }
  if (type === 'pvh' && vcpus > MOST_PROCESSORS) {
    throw refuse(`${vcpus} are too many vCPUs for PVH`, `give it ${MOST_PROCESSORS} at most`);
  }
  if (hardware && domid !== hardwareDomid) {
    throw refuse(
      hardwareDomid === undefined
        ? "Xen's command line names no hardware domain"
        : `Xen would make domain ${hardwareDomid} the hardware domain`,
      `put boot-domain (for domain 0) or hardware_dom=${domid} on Xen's command line`,
    );
  }
  if (!hardware && domid === hardwareDomid) {
    throw refuse(
      'Xen would make it the hardware domain, which it is not meant to be',
      'give it another domid, or the capability "hardware"',
    );
  }
}

/** The error for a domid that Xen passed over. */
export function domidNotGiven(domain: DomainCreation, given: number): HypervisorError {
  return refused(
    attempts.create(domain),
    'xc_domain_create',
    '',
    `this Xen cannot give that domid (it gave ${given})`,
    domain.domid === 0
      ? "domain 0 needs our Xen series and boot-domain on Xen's command line"
      : 'use a domid from 1 to 32750',
  );
}
