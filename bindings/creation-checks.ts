/** What no Xen would accept, or would quietly take for something else, found before it is asked. */
import { attempts } from './attempts.ts';
import { cpuFeatureNumber } from './cpu-features.ts';
import type {
  DomainCreation,
  DomainProperties,
  HostInfo,
  HypervisorError,
  NumberRange,
} from './hypervisor.ts';
import { refused } from './refusal.ts';
import { MOST_PROCESSORS } from './xen/acpi/processors.ts';

/** The highest port of the FIFO event channels, EVTCHN_FIFO_NR_CHANNELS in xen/event_channel.h. */
const MOST_EVENT_CHANNELS = (1 << 17) - 1;

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

/** The boot domain's domid on a Xen with our series and `boot-domain`. */
const BOOT_DOMID = 0x7fef;

/** The domid of the boot domain itself. */
export function bootDomidOf(xenCommandLine: string): number {
  return hardwareDomidOf(xenCommandLine) === 0 ? BOOT_DOMID : 0;
}

/** Xen's limits of grant tables: its own defaults (xen/common/grant_table.c), or what its command line says. */
export function grantLimitsOf(xenCommandLine: string): {
  grantFrames: number;
  maptrackFrames: number;
} {
  const option = (name: string, fallback: number): number => {
    const given = [...xenCommandLine.matchAll(new RegExp(`(?:^|\\s)${name}=(\\S+)`, 'g'))].at(-1);
    return given === undefined ? fallback : Number(given[1]);
  };
  return {
    grantFrames: option('gnttab_max_frames', 64),
    maptrackFrames: option('gnttab_max_maptrack_frames', 1024),
  };
}

/**
 * @param host the running Xen
 * @throws HypervisorError when the properties do not go together, or this Xen cannot give them
 */
export function checkCreation(domain: DomainCreation, host: RunningXen): void {
  const { uuid } = domain;
  checkProperties(domain, host);
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(uuid)) {
    const hint = 'write it in canonical form, 36 characters';
    throw refused(attempts.create(domain), 'create', 'EINVAL', `${uuid} is no UUID`, hint);
  }
}

type RunningXen = Pick<HostInfo, 'commandLine' | 'cpus' | 'hvm' | 'iommu'>;

/** The same for what is known of a domain before it gets its UUID. */
export function checkProperties(
  domain: DomainProperties,
  { commandLine, cpus, hvm, iommu }: RunningXen,
): void {
  const hardwareDomid = hardwareDomidOf(commandLine);
  const { domid, type, memoryKiB, maxMemoryKiB = memoryKiB, hardware } = domain;
  const refuse = (reason: string, hint: string): HypervisorError =>
    refused(attempts.create(domain), 'create', 'EINVAL', reason, hint);

  if (!Number.isInteger(domid) || domid < 0 || domid > 0xffff) {
    throw refuse(`${domid} is no domid`, 'domids are integers of 16 bits');
  }
  if (!Number.isSafeInteger(memoryKiB) || memoryKiB <= 0 || memoryKiB % 4 !== 0) {
    throw refuse(`${memoryKiB} KiB are no memory size`, 'memory comes in pages of 4 KiB');
  }
  if (!Number.isSafeInteger(maxMemoryKiB) || maxMemoryKiB < memoryKiB || maxMemoryKiB % 4 !== 0) {
    throw refuse(`${maxMemoryKiB} KiB are no maximum`, 'it is memory, or more in pages of 4 KiB');
  }
  if (type !== 'pv' && maxMemoryKiB !== memoryKiB) {
    throw refuse(`a domain of type ${type} cannot balloon beyond its memory`, 'make it type pv');
  }
  checkCpus(domain, cpus, refuse);
  checkLimits(domain, commandLine, refuse);
  checkVcpus(domain, refuse);
  checkCpuFeatures(domain, refuse);
  if (type !== 'pv' && !hvm) {
    throw refuse(
      `this machine has no hardware virtualization for a domain of type ${type}`,
      'enable SVM or VT-x, with nested paging, in the firmware set-up, or make the domain pv',
    );
  }
  if (hardware && type !== 'pv') {
    throw refuse(`a hardware domain made by a boot domain cannot be ${type}`, 'make it type pv');
  }
  checkServices(domain, hardwareDomid, refuse);
  if (domain.iommu && (hardware || type !== 'pv')) {
    throw refuse('PCI devices are for PV guests', 'give it none, or make it type pv');
  }
  if (domain.iommu && !iommu) {
    throw refuse(
      'this Xen uses no IOMMU, and without one its PCI devices could read and write all memory',
      'enable the IOMMU (VT-d or AMD-Vi) in the firmware set-up and in Xen, or give the domain no pci',
    );
  }
  if (hasDevices(domain) && (hardware || type !== 'pv')) {
    throw refuse(
      hardware
        ? 'the hardware domain has all devices left'
        : `a domain of type ${type} cannot have devices`,
      hardware ? 'give it none' : 'make it type pv',
    );
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

export function hasDevices({ devices }: DomainProperties): boolean {
  if (devices === undefined) return false;
  return devices.ioports.length + devices.iomem.length + devices.irqs.length > 0;
}

function checkServices(
  { xenstore = false, console = false, hardware }: DomainProperties,
  hardwareDomid: number | undefined,
  refuse: Refuse,
): void {
  if (!xenstore && !console) return;
  if (hardware) {
    throw refuse('the hardware domain serves xenstore and consoles itself', 'give it neither');
  }
  if (!xenstore) {
    throw refuse('a console is found through xenstore', 'give it xenstore too, or no console');
  }
  if (hardwareDomid !== 0) {
    // xenstored takes its local clients for domain 0, whatever domain it serves.
    throw refuse(
      'nobody can introduce it to xenstore when the hardware domain is not domain 0',
      "put boot-domain on Xen's command line, or give the domain no xenstore",
    );
  }
}

type Refuse = (reason: string, hint: string) => HypervisorError;

function checkVcpus({ type, vcpus, maxVcpus = vcpus }: DomainProperties, refuse: Refuse): void {
  if (!Number.isSafeInteger(vcpus) || vcpus < 1) {
    throw refuse(`${vcpus} is no number of vCPUs`, 'give it at least one vCPU');
  }
  if (!Number.isSafeInteger(maxVcpus) || maxVcpus < vcpus) {
    throw refuse(`${maxVcpus} is no maximum for ${vcpus} vCPUs`, 'it is vcpus, or more');
  }
  if (type !== 'pv' && maxVcpus > MOST_PROCESSORS) {
    throw refuse(
      `${maxVcpus} are too many vCPUs for ${type}`,
      `give it ${MOST_PROCESSORS} at most`,
    );
  }
}

function checkCpuFeatures(
  { type, hardware, cpuid = [], nestedHvm = false, msrRelaxed = false }: DomainProperties,
  refuse: Refuse,
): void {
  if (hardware && (cpuid.length > 0 || msrRelaxed)) {
    throw refuse(
      'the hardware domain sees the CPU as Xen shows it',
      'choose no CPU features and no msrRelaxed for it',
    );
  }
  if (type === 'pv' && nestedHvm) {
    throw refuse('a pv domain cannot run virtual machines', 'make it type pvh or hvm');
  }
  const unknown = cpuid.find(({ name }) => cpuFeatureNumber(name) === undefined);
  if (unknown !== undefined) {
    throw refuse(`Xen knows no CPU feature ${unknown.name}`, 'see xen/arch-x86/cpufeatureset.h');
  }
}

function checkCpus({ cpus }: DomainProperties, online: readonly number[], refuse: Refuse): void {
  if (cpus === undefined) return;
  if (cpus.length === 0) throw refuse('it has no CPU to run on', 'name at least one CPU');
  const missing = cpus.filter((cpu) => !online.includes(cpu));
  if (missing.length === 0) return;
  throw refuse(
    `there is no CPU ${missing.join(', ')}`,
    `Xen runs domains on the CPUs ${showNumbers(online)}; it may have switched off hyper-threads (smt=)`,
  );
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

function checkLimits(
  { limits = {} }: DomainProperties,
  xenCommandLine: string,
  refuse: Refuse,
): void {
  const { grantFrames = 1, maptrackFrames = 0, eventChannels = 1 } = limits;
  const most = grantLimitsOf(xenCommandLine);
  const inRange = (value: number, least: number, last: number) =>
    Number.isSafeInteger(value) && value >= least && value <= last;
  if (!inRange(grantFrames, 1, most.grantFrames)) {
    const hint = `ask for 1 to ${most.grantFrames}, or raise gnttab_max_frames= on Xen's command line`;
    throw refuse(`${grantFrames} grant frames are not what Xen gives`, hint);
  }
  if (!inRange(maptrackFrames, 0, most.maptrackFrames)) {
    const hint = `ask for 0 to ${most.maptrackFrames}, or raise gnttab_max_maptrack_frames= on Xen's command line`;
    throw refuse(`${maptrackFrames} maptrack frames are not what Xen gives`, hint);
  }
  if (!inRange(eventChannels, 1, MOST_EVENT_CHANNELS)) {
    throw refuse(
      `${eventChannels} is no highest event channel port`,
      `ask for 1 to ${MOST_EVENT_CHANNELS}`,
    );
  }
}

/** The error for CPUs that Xen left out of what a domain may run on. */
export function cpusNotOnline(domain: DomainCreation, given: readonly number[]): HypervisorError {
  const missing = domain.cpus?.filter((cpu) => !given.includes(cpu)) ?? [];
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
