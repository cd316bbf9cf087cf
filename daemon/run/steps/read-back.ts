import type { DomainHoldings } from '../../../bindings/holdings.ts';
import type { HostInfo } from '../../../bindings/hypervisor.ts';
import { common, excluding } from '../../../bindings/ranges.ts';
import { bootDomidOf } from '../../../bindings/xen-command-line.ts';
import { domainProperties } from '../../../boot-configs/properties/table.ts';
import { BootFailure } from '../../plan/failure.ts';
import type { Operation } from '../../plan/operations.ts';
import { differencesFrom, type Kind, rangeTexts } from '../read-back/differences.ts';
import { type BootFacts, expectedHoldings } from '../read-back/expected.ts';
import { measuredHoldings, unreadOf } from '../read-back/measured.ts';
import type { BootState } from '../state.ts';

type ReadBack = Extract<Operation, { do: 'read-back' }>;

const HINTS: Readonly<Record<Kind, string>> = {
  surplus:
    'the manifest does not give it that, and domB did not: start again; when it stays so, Xen is not the one that this domb was made for, or domb has a defect: report it with the console log',
  deficit: "Xen withheld it or took it away: Xen's console may say why",
  other: 'something has changed it since domB created it; report it with the console log',
};

/** What Xen lets domB use, before anything of it is given away: so it is known afterwards what the hardware domain should have. */
export function noteHardware(state: BootState): string {
  const { permissions } = state.hypervisor.holdings(state.bootDomid);
  state.hardware = permissions;
  if (permissions !== undefined) {
    const { ioports, iomem, irqs } = permissions;
    return `I/O ports in ${count(ioports)}, device memory in ${count(iomem)}, interrupts in ${count(irqs)}`;
  }
  state.log.logger.warn(
    "this Xen can't be asked what domains may use of the machine, nor which event channels and limits they have: I/O ports, " +
      'device memory, interrupts, PCI devices, event channels and limits are not read back, and nobody compares them\n' +
      'what to do: use a Xen with the series of domb',
  );
  return 'this Xen does not tell';
}

const count = ({ length }: readonly unknown[]) => (length === 1 ? '1 range' : `${length} ranges`);

/** That those domains exist that domB made, and no others. */
export function noOtherDomains({ hypervisor, bootDomid, created }: BootState): string {
  const there = hypervisor.domains();
  const wanted = [bootDomid, ...created.map(({ domid }) => domid)];
  const strange = there.filter(({ domid }) => !wanted.includes(domid));
  const missing = wanted.filter((wantedDomid) => !there.some(({ domid }) => domid === wantedDomid));
  const faults = [
    ...strange.map(({ domid, seclabel, uuid, memoryKiB }) =>
      failure(
        `there is a domain ${domid} (${seclabel}, ${uuid}, ${memoryKiB} KiB) that domB did not make`,
        'surplus',
      ),
    ),
    ...missing.map((domid) => failure(`domain ${domid} is not there any more`, 'deficit')),
  ];
  if (faults.length > 0) throw new AggregateError(faults);
  return `domains ${there.map(({ domid }) => domid).join(', ')}, and no others`;
}

/** Compares what Xen says that a domain has with what it should have, and measures it. */
export async function readBack(state: BootState, { domain }: ReadBack): Promise<string> {
  if (state.abandoned.some(({ domid }) => domid === domain.domid)) return 'abandoned';
  const created = state.created.find(({ domid }) => domid === domain.domid);
  if (!created) throw new Error(`${domain.name} is read back before it is created`);
  const found = state.hypervisor.holdings(domain.domid);
  const facts = factsOf(state);
  const faults = [
    ...differencesFrom(expectedHoldings(created, facts, found), found).map(({ kind, says }) =>
      failure(`${domain.name} (domain ${domain.domid}) ${says}`, kind),
    ),
    ...ramFaults(domain.name, found, facts.host),
  ];
  if (faults.length > 0) throw new AggregateError(faults);
  return await measure(state, found, domain.name);
}

/** What domB itself still has: nothing of the machine, once there is a hardware domain, and no channel to any other domain. */
export async function readBackOwn(state: BootState): Promise<string> {
  const found = state.hypervisor.holdings(state.bootDomid);
  const { ioports = [], iomem = [], irqs = [], pci = [] } = found.permissions ?? {};
  const left = [
    ...leftRanges('I/O ports', rangeTexts(ioports, 16)),
    ...leftRanges('pages of device memory', rangeTexts(iomem, 16)),
    ...leftRanges('interrupts', rangeTexts(irqs, 10)),
    ...pci.map((address) => `the PCI device ${address}`),
    ...(found.eventChannels ?? [])
      .filter(({ peer }) => peer !== undefined && peer !== state.bootDomid)
      .map(({ port, peer }) => `the event channel ${port} to domain ${peer}`),
  ];
  if (left.length > 0) {
    throw new AggregateError(
      left.map((what) => failure(`the boot domain still has ${what}`, 'surplus')),
    );
  }
  return await measure(state, found);
}

const leftRanges = (what: string, ranges: string[]): string[] =>
  ranges.length === 0 ? [] : [`the ${what} ${ranges.join(', ')}`];

/** The labels that domains are started with. It is too late to measure them. */
export function lookAgain({ hypervisor, created }: BootState): string {
  const there = hypervisor.domains();
  const faults = created.flatMap(({ name, domid, seclabel, uuid }) => {
    const now = there.find((domain) => domain.domid === domid);
    if (now === undefined)
      return [failure(`${name} (domain ${domid}) is not there any more`, 'deficit')];
    if (now.uuid === uuid && now.seclabel === seclabel) return [];
    const says = `${name} (domain ${domid}) has the label ${now.seclabel} and the UUID ${now.uuid}, not ${seclabel} and ${uuid}`;
    return [failure(says, 'other')];
  });
  if (faults.length > 0) throw new AggregateError(faults);
  return 'labels are as they should be; that is not measured any more';
}

function factsOf(state: BootState): BootFacts {
  const { hypervisor, created, abandoned, manifest, hardware, changes } = state;
  const devicesOf = (wanted: boolean) =>
    manifest.domains
      .filter(({ domid }) => abandoned.some((other) => other.domid === domid) === wanted)
      .filter(({ capabilities }) => !capabilities.includes('hardware'))
      .map((domain) => domainProperties(domain).devices);
  return {
    host: hypervisor.host(),
    hardwareDomid: created.find((domain) => domain.hardware)?.domid,
    hardware,
    access: changes.hardwareAccess,
    given: devicesOf(false),
    perhapsGiven: devicesOf(true),
  };
}

/** The first MiB, in pages. */
const FIRST_MIB = 0x100;

/**
 * Rights over device memory are never rights over RAM: through those a domain would reach what belongs to others. A late hardware
 * domain has those that PCs' first MiB has always had (dom0_setup_permissions, xen/arch/x86/dom0_build.c).
 */
function ramFaults(name: string, found: DomainHoldings, host: HostInfo): BootFailure[] {
  const late = bootDomidOf(host.commandLine) === 0;
  const ram = excluding(host.ram, late ? [{ first: 0, count: FIRST_MIB }] : []);
  const reached = common(found.permissions?.iomem ?? [], ram);
  if (reached.length === 0) return [];
  const pages = rangeTexts(reached, 16).join(', ');
  const what = `${name} (domain ${found.domid}) has rights over RAM: the pages ${pages}`;
  return [failure(what, 'surplus')];
}

async function measure(state: BootState, found: DomainHoldings, domain?: string): Promise<string> {
  const unread = unreadOf(found);
  for (const name of unread) state.unread.add(name);
  await state.bootMeasurements.measure({
    event: 'read-back',
    ...(domain === undefined ? {} : { domain }),
    domid: found.domid,
    has: measuredHoldings(found),
    unread,
  });
  const { memoryKiB, eventChannels = [], grants = [], permissions } = found;
  const machine = permissions
    ? `, I/O ports in ${count(permissions.ioports)}, device memory in ${count(permissions.iomem)}`
    : '';
  const rest = unread.length === 0 ? '' : `; not read: ${unread.join(', ')}`;
  return `as it should be: ${memoryKiB} KiB, ${eventChannels.length} event channels, ${grants.length} grants${machine}${rest}`;
}

const failure = (what: string, kind: Kind): BootFailure => new BootFailure(what, HINTS[kind]);
