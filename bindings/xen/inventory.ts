/** What Xen can be asked about itself and its domains. */
import type { NumberRange } from '../../domains/settings.ts';
import { attempts } from '../attempts.ts';
import { CallError } from '../ffi/errors.ts';
import { readMemory } from '../ffi/memory.ts';
import { StructView } from '../ffi/struct.ts';
import type { DomainInfo, FlaskState, HostInfo } from '../hypervisor.ts';
import { cpusIn } from './affinity.ts';
import type { XenSession } from './session.ts';

/** Xen/x86 counts memory in pages of 4 KiB. */
const PAGE_KIB = 4;
const PAGE_BYTES = PAGE_KIB * 1024;

/** What stays as it is from Xen's start on, while only this domain acts. */
export interface XenFacts extends Omit<HostInfo, 'freeMemoryKiB'> {
  /** Whether grant table version 2 may be offered to domains. */
  grantTableV2: boolean;
}

const asked = new WeakMap<XenSession, XenFacts>();

/** As {@link XenFacts}: Xen is asked once in a session. */
export function xenFacts(session: XenSession): XenFacts {
  const facts = asked.get(session) ?? askFacts(session);
  asked.set(session, facts);
  return facts;
}

export function hostInfo(session: XenSession): HostInfo {
  const { grantTableV2: _, ...facts } = xenFacts(session);
  return { ...facts, freeMemoryKiB: freeMemoryKiB(session) };
}

export function freeMemoryKiB(session: XenSession): number {
  return session.attempt(aboutHost, () => physicalInfo(session).number('free_pages') * PAGE_KIB);
}

const aboutHost = { wanted: 'ask Xen about the host' };

function askFacts(session: XenSession): XenFacts {
  const { xc, xch, layout } = session;
  const { constants, structs } = layout;
  const text = (command: number, size: number): string => {
    const argument = Buffer.alloc(size);
    xc.xc_version({ xch, command, argument });
    return textOf(argument);
  };
  return session.attempt(aboutHost, () => {
    const physinfo = physicalInfo(session);
    const capabilities = physinfo.number('capabilities');
    const hvm = constants.XEN_SYSCTL_PHYSCAP_hvm | constants.XEN_SYSCTL_PHYSCAP_hap;
    return {
      version: session.version,
      extra: text(constants.XENVER_extraversion, structs.xen_extraversion.size),
      commandLine: text(constants.XENVER_commandline, structs.xen_commandline.size).trim(),
      totalMemoryKiB: physinfo.number('total_pages') * PAGE_KIB,
      ram: machineRam(session),
      cpus: poolCpus(session),
      hvm: (capabilities & hvm) === hvm,
      iommu: (capabilities & constants.XEN_SYSCTL_PHYSCAP_directio) !== 0,
      dmaConfined: (capabilities & session.release.ownCapabilities.dmaConfined) !== 0,
      grantTableV2: (capabilities & constants.XEN_SYSCTL_PHYSCAP_gnttab_v2) !== 0,
    };
  });
}

function physicalInfo({ xc, xch, layout }: XenSession): StructView<'xc_physinfo'> {
  const physinfo = new StructView(layout, 'xc_physinfo');
  xc.xc_physinfo({ xch, info: physinfo.bytes });
  return physinfo;
}

/** Xen's own map has up to 1024 entries (E820MAX, xen/arch/x86/include/asm/e820.h), and is given with holes as entries. */
const MOST_MEMORY_ENTRIES = 2048;

/** The frames that the machine's memory map calls RAM, ascending; such as are RAM in part among them. */
function machineRam({ xc, xch, layout }: XenSession): NumberRange[] {
  const { size } = layout.structs.e820entry;
  const entries = Buffer.alloc(MOST_MEMORY_ENTRIES * size);
  const count = xc.xc_get_machine_memory_map({ xch, entries, most: MOST_MEMORY_ENTRIES });
  return Array.from({ length: count }, (_, index) => {
    const bytes = entries.subarray(index * size, (index + 1) * size);
    return new StructView(layout, 'e820entry', bytes);
  })
    .filter((entry) => entry.number('type') === layout.constants.E820_RAM)
    .map((entry) => {
      const [start, length] = [entry.number('addr'), entry.number('size')];
      // Xen uses no page as RAM that is so in part only (arch_init_memory, xen/arch/x86/mm.c).
      const first = Math.ceil(start / PAGE_BYTES);
      return { first, count: Math.floor((start + length) / PAGE_BYTES) - first };
    })
    .filter(({ count }) => count > 0)
    .sort((a, b) => a.first - b.first);
}

/** The pool that new domains belong to. */
const DEFAULT_POOL = 0;

/** The CPUs of Xen's first pool: those that are online. Nobody has made a second one before the platform runs. */
function poolCpus({ xc, xch, layout }: XenSession): number[] {
  const info = xc.xc_cpupool_getinfo({ xch, pool: DEFAULT_POOL });
  try {
    const bytes = readMemory(info, layout.structs.xc_cpupoolinfo.size);
    const map = new StructView(layout, 'xc_cpupoolinfo', bytes).get('cpumap');
    return cpusIn(readMemory(map, xc.xc_get_cpumap_size({ xch })));
  } finally {
    xc.xc_cpupool_infofree({ xch, info });
  }
}

export function flaskState(session: XenSession): FlaskState {
  return session.attempt({ wanted: 'ask for the state of FLASK' }, () => {
    try {
      return session.xc.xc_flask_getenforce({ xch: session.xch }) === 0
        ? 'permissive'
        : 'enforcing';
    } catch (error) {
      // A Xen without XSM, or with another module than FLASK, has no such hypercall.
      if (error instanceof CallError && error.errno === 'ENOSYS') return 'absent';
      throw error;
    }
  });
}

export function loadPolicy(session: XenSession, policy: Uint8Array): void {
  session.attempt(attempts.loadPolicy, () => {
    session.xc.xc_flask_load({ xch: session.xch, policy, size: policy.length });
  });
}

/** Longest context that Xen returns here; ours have some 30 bytes. */
const CONTEXT_BYTES = 256;

export function securityId(
  session: XenSession,
  seclabel: string,
  attempt = attempts.resolve(seclabel),
): number {
  const { xc, xch } = session;
  return session.attempt(attempt, () => {
    const context = Buffer.from(seclabel);
    const sid = Buffer.alloc(4);
    xc.xc_flask_context_to_sid({ xch, context, size: context.length, sid });
    return sid.readUInt32LE();
  });
}

/** Domains asked for with one hypercall. */
const BATCH = 64;

export function listDomains(session: XenSession): DomainInfo[] {
  const labels = new Map<number, string>();
  const labelOf = (sid: number): string => {
    const label = labels.get(sid) ?? contextOf(session, sid);
    labels.set(sid, label);
    return label;
  };
  return session.attempt({ wanted: 'list the domains' }, () => {
    const domains: DomainInfo[] = [];
    for (let first = 0; ; ) {
      const batch = domainBatch(session, first);
      domains.push(...batch.map((view) => domainInfo(session, view, labelOf)));
      if (batch.length < BATCH) return domains;
      first = (domains.at(-1)?.domid ?? 0) + 1;
    }
  });
}

/** What {@link listDomains} says of one domain; undefined where it has none of that domid. */
export function oneDomain(session: XenSession, domid: number): DomainInfo | undefined {
  const [view] = domainBatch(session, domid, 1);
  if (view?.number('domain') !== domid) return undefined;
  return domainInfo(session, view, (sid) => contextOf(session, sid));
}

/** What tells whether a domain is still the one that it was. */
export interface DomainLife {
  /** The domain's handle, which its maker gave it. */
  uuid: string;
  /** Xen's number for its label. */
  sid: number;
  /** It was destroyed, and is kept as long as somebody maps its memory. */
  dying: boolean;
}

/**
 * Asks for one domain; undefined when there is none, or none that this domain may ask for. Xen looks for it from its domid
 * upwards, so the caller needs the right to ask for whoever comes next, too, or FLASK logs a denial.
 */
export function domainLife(session: XenSession, domid: number): DomainLife | undefined {
  return session.attempt({ wanted: `ask for domain ${domid}`, domid }, () => {
    const [view] = domainBatch(session, domid, 1);
    if (view === undefined || view.number('domain') !== domid) return undefined;
    return {
      uuid: formatUuid(view.block('handle')),
      sid: view.number('ssidref'),
      dying: (view.number('flags') & session.layout.constants.XEN_DOMINF_dying) !== 0,
    };
  });
}

type DomainView = StructView<'xc_domaininfo'>;

/** Up to `most` domains from domid `first` on, in ascending order. */
function domainBatch(session: XenSession, first: number, most = BATCH): DomainView[] {
  const { xc, xch, layout } = session;
  const { size } = layout.structs.xc_domaininfo;
  const infos = Buffer.alloc(most * size);
  const count = xc.xc_domain_getinfolist({ xch, first, most, infos });
  return Array.from({ length: count }, (_, index) => {
    const bytes = infos.subarray(index * size, (index + 1) * size);
    return new StructView(layout, 'xc_domaininfo', bytes);
  });
}

function domainInfo(
  session: XenSession,
  view: DomainView,
  labelOf: (sid: number) => string,
): DomainInfo {
  const { constants } = session.layout;
  const flags = view.number('flags');
  return {
    domid: view.number('domain'),
    uuid: formatUuid(view.block('handle')),
    seclabel: labelOf(view.number('ssidref')),
    memoryKiB: view.number('tot_pages') * PAGE_KIB,
    maxMemoryKiB: view.number('max_pages') * PAGE_KIB,
    // The id of the last vCPU; all ones while the domain has none.
    vcpus: (view.number('max_vcpu_id') + 1) % 2 ** 32,
    hardwareAssisted: (flags & constants.XEN_DOMINF_hvm_guest) !== 0,
    paused: (flags & constants.XEN_DOMINF_paused) !== 0,
    dying: (flags & constants.XEN_DOMINF_dying) !== 0,
    shutdown: (flags & constants.XEN_DOMINF_shutdown) !== 0,
  };
}

function contextOf(session: XenSession, sid: number): string {
  const context = Buffer.alloc(CONTEXT_BYTES);
  try {
    const { xc, xch } = session;
    xc.xc_flask_sid_to_context({ xch, sid, context, size: context.length });
  } catch (error) {
    if (error instanceof CallError && error.errno === 'ENOSYS') return '';
    throw error;
  }
  return textOf(context);
}

/** The text up to the first NUL. */
function textOf(bytes: Buffer): string {
  const end = bytes.indexOf(0);
  return bytes.toString('utf8', 0, end < 0 ? bytes.length : end);
}

/** The canonical text form of a domain handle, 16 bytes. */
export function formatUuid(handle: Buffer): string {
  const hex = handle.toString('hex');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/** The 16 bytes of a UUID in canonical text form. */
export function parseUuid(uuid: string): Buffer {
  return Buffer.from(uuid.replaceAll('-', ''), 'hex');
}
