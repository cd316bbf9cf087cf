/** What a domain wants that the running Xen and its machine cannot give, found before Xen is asked. */
import { ramFault } from '../domains/rules/devices.ts';
import { domainFaults } from '../domains/rules/domain.ts';
import { formFaults, uuidFault } from '../domains/rules/forms.ts';
import type { Fault } from '../domains/rules/rule.ts';
import { xenstoreServerFault } from '../domains/rules/services.ts';
import {
  boundedLimits,
  grantFault,
  hardwareDomidFault,
  missingCpus,
} from '../domains/rules/xen.ts';
import type { DomainProperties, NumberRange } from '../domains/settings.ts';
import { attempts } from './attempts.ts';
import { cpuFeatureNumber } from './cpu-features.ts';
import type { DomainCreation, HostInfo, HypervisorError } from './hypervisor.ts';
import { refused } from './refusal.ts';
import { grantLimitsOf, hardwareDomidOf } from './xen-command-line.ts';

type RunningXen = Pick<HostInfo, 'commandLine' | 'cpus' | 'hvm' | 'iommu' | 'ram'>;

/**
 * @param host the running Xen
 * @throws HypervisorError when the properties do not go together, or this Xen cannot give them
 */
export function checkCreation(domain: DomainCreation, host: RunningXen): void {
  const uuid = uuidFault(domain.uuid);
  const [first] = [...creationFaults(domain, host), ...(uuid ? [refusal(domain, uuid)] : [])];
  if (first !== undefined) throw first;
}

/** All that speaks against a domain, of what is known before it gets its UUID and without asking Xen. */
export function creationFaults(domain: DomainProperties, host: RunningXen): HypervisorError[] {
  const faults = [...formFaults(domain), ...domainFaults(domain), ...hostFaults(domain, host)];
  return faults.map((fault) => refusal(domain, fault));
}

function refusal(domain: DomainProperties, { message, hint }: Fault): HypervisorError {
  return refused(attempts.create(domain), 'create', 'EINVAL', message, hint);
}

function hostFaults(
  domain: DomainProperties,
  { commandLine, cpus, hvm, iommu, ram }: RunningXen,
): Fault[] {
  const hardwareDomid = hardwareDomidOf(commandLine);
  const most = grantLimitsOf(commandLine);
  const found = [
    cpusFault(domain, cpus),
    ...boundedLimits.map((limit) => grantFault(limit, domain.limits[limit], most)),
    featureFault(domain),
    hvm ? undefined : assistanceFault(domain),
    iommu ? undefined : iommuFault(domain),
    ...domain.devices.iomem.map((pages) => givenRamFault(pages, ram)),
    hardwareDomidFault(domain, hardwareDomid),
    domain.xenstore && hardwareDomid !== undefined ? xenstoreServerFault(hardwareDomid) : undefined,
  ];
  return found.filter((fault) => fault !== undefined);
}

function cpusFault(domain: DomainProperties, online: readonly number[]): Fault | undefined {
  const missing = missingCpus(domain, online);
  if (missing.length === 0) return undefined;
  return {
    message: `there is no CPU ${missing.join(', ')}`,
    hint: `Xen runs domains on the CPUs ${showNumbers(online)}; it may have switched off hyper-threads (smt=)`,
  };
}

/** Each Xen has its own list of features. */
function featureFault({ cpuid }: DomainProperties): Fault | undefined {
  const unknown = cpuid.find(({ name }) => cpuFeatureNumber(name) === undefined);
  if (unknown === undefined) return undefined;
  const message = `Xen knows no CPU feature ${unknown.name}`;
  return { message, hint: 'see xen/arch-x86/cpufeatureset.h' };
}

function assistanceFault({ type }: DomainProperties): Fault | undefined {
  if (type === 'pv') return undefined;
  return {
    message: `this machine has no hardware virtualization for a domain of type ${type}`,
    hint: 'enable SVM or VT-x, with nested paging, in the firmware set-up, or make the domain pv',
  };
}

function iommuFault({ iommu }: DomainProperties): Fault | undefined {
  if (!iommu) return undefined;
  return {
    message:
      'this Xen uses no IOMMU, and without one its PCI devices could read and write all memory',
    hint: 'enable the IOMMU (VT-d or AMD-Vi) in the firmware set-up and in Xen, or give the domain no pci',
  };
}

function givenRamFault(pages: NumberRange, ram: readonly NumberRange[]): Fault | undefined {
  const fault = ramFault(pages, ram);
  return fault && { ...fault, message: `iomem ${showRange(pages)}: ${fault.message}` };
}

/** As in a manifest: `0-3,5`. */
function showNumbers(ascending: readonly number[]): string {
  const runs: [number, number][] = [];
  for (const number of ascending) {
    const last = runs.at(-1);
    if (last?.[1] === number - 1) last[1] = number;
    else runs.push([number, number]);
  }
  return runs.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(',');
}

/** The error for CPUs that Xen left out of what a domain may run on. */
export function cpusNotOnline(domain: DomainCreation, given: readonly number[]): HypervisorError {
  const missing = missingCpus(domain, given);
  return refused(
    attempts.create(domain),
    'xc_vcpu_setaffinity',
    'EINVAL',
    `CPU ${missing.join(', ')} is not online`,
    'name CPUs that Xen uses; it may have switched off hyper-threads (smt=)',
  );
}

/** The error for a device that the boot domain does not have, so that it cannot give it. */
export function deviceNotHeld(
  domain: DomainProperties,
  call: string,
  what: string,
): HypervisorError {
  return refused(
    attempts.create(domain),
    call,
    'EPERM',
    `the boot domain has no right to ${what}`,
    "Xen keeps it, its own console's for example, or the FLASK policy does not allow it: Xen's console then has a denial",
  );
}

/** A range as Xen shows it: in hexadecimal, the last one included. */
export function showRange({ first, count }: NumberRange): string {
  const last = first + count - 1;
  return count === 1 ? first.toString(16) : `${first.toString(16)}-${last.toString(16)}`;
}

/** The error for a domain that cannot be built from the start because it is not there or has memory. */
export function notEmpty(domain: DomainCreation, memoryKiB: number | undefined): HypervisorError {
  const reason = memoryKiB === undefined ? 'it does not exist' : `it has ${memoryKiB} KiB already`;
  const hint = 'Xen makes the hardware domain once; end the platform';
  return refused(attempts.reuse(domain), 'reuse', '', reason, hint);
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
