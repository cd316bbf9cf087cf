import type { DomainSettings } from '../../../boot-configs/manifest.ts';
import { domainProperties } from '../../../boot-configs/properties/table.ts';
import { AUTHORITY_FILES } from '../../../domains/vtpm-authority-files.ts';
import {
  RECORDED_GUESTS,
  type RecordedGuest,
  recordedGuestsText,
} from '../../../domains/vtpm-guests.ts';
import { VTPM_STATE_KEY, vtpmStateKeyText } from '../../../domains/vtpm-state-key.ts';
import { type CpioEntry, cpio } from '../../../initramfs/cpio.ts';
import { launchItems } from '../../plan/guest-launch.ts';
import type { Operation } from '../../plan/operations.ts';
import { buildingPlan, toldToDom0 } from '../../plan/told.ts';
import { handoverCapacity } from '../hand-over.ts';
import type { BootState, CreatedDomain } from '../state.ts';
import { forgetVtpmKey } from './vtpm-key.ts';

type Of<K extends Operation['do']> = Extract<Operation, { do: K }>;

export function createDomain(state: BootState, { domain }: Of<'create-domain'>): string {
  const created = creation(state, domain);
  state.hypervisor.create(created);
  state.created.push(created);
  return `domain ${created.domid}, ${created.seclabel}, ${created.uuid}`;
}

/** Makes the created, still empty hardware domain another one, before it is built. */
export function reuseDomain(state: BootState, { domain }: Of<'reuse-domain'>): string {
  const index = state.created.findIndex(({ domid }) => domid === domain.domid);
  const created = creation(state, domain);
  state.hypervisor.reuse(created);
  state.created.splice(index, 1, created);
  return `domain ${created.domid} is ${created.name}, ${created.uuid}`;
}

export function destroyDomain(state: BootState, { domain }: Of<'destroy-domain'>): string {
  state.hypervisor.destroy(domain.domid);
  const index = state.created.findIndex(({ domid }) => domid === domain.domid);
  state.created.splice(index, 1);
  return `domain ${domain.domid} is gone`;
}

export async function buildDomain(
  state: BootState,
  { domain }: Of<'build-domain'>,
): Promise<string> {
  const kernel = await state.image(domain.kernel);
  const segments = await Promise.all(domain.ramdisk.map((path) => state.image(path)));
  const created = createdFor(state, domain);
  const given = [...(await servedGuests(state, domain)), ...authorityArchive(state, domain)];
  try {
    created.rings = await state.hypervisor.build(created, {
      kernel: kernel.bytes,
      ramdisk: [...given, ...segments.map(({ content }) => content)],
      cmdline: domain.cmdline,
      handoverBytes: domain.capabilities.includes('hardware') ? handoverCapacity(state) : 0,
    });
  } finally {
    // The domain has its keys now, and nobody else needs them.
    for (const archive of given) archive.fill(0);
    state.authorities.get(domain.name)?.privateKey.fill(0);
  }
  return `${domain.memoryKiB / 1024}MiB, ${domain.vcpus} vcpus`;
}

/** From here on the domain is what the manifest says, and domB can no longer look into it. */
export function labelDomain(state: BootState, { domain }: Of<'label-domain'>): string {
  if (state.abandoned.some(({ domid }) => domid === domain.domid)) return 'abandoned';
  const { domid, seclabel } = createdFor(state, domain);
  state.hypervisor.label(domid);
  return `domain ${domid} is ${seclabel}`;
}

/** Joins the ports of its channels, before anybody could send. A domain that was given up is joined to nobody. */
export function connectDomain(state: BootState, { domain }: Of<'connect-domain'>): string {
  const there = (name: string) => state.created.find((created) => created.name === name);
  const own = there(domain.name);
  let joined = 0;
  for (const { port, peer, peerPort, twoWay } of domain.channels) {
    const other = there(peer);
    if (own === undefined || other === undefined) continue;
    const from = { domid: own.domid, port };
    const to = { domid: other.domid, port: peerPort };
    state.hypervisor.connect(from, to);
    if (twoWay) state.hypervisor.connect(to, from);
    joined++;
  }
  return joined === 1 ? '1 channel' : `${joined} channels`;
}

export function startDomain(state: BootState, { domain }: Of<'start-domain'>): string {
  if (state.abandoned.some(({ domid }) => domid === domain.domid)) return 'abandoned';
  if (!createdFor(state, domain).autostart) return 'a script keeps it paused';
  state.hypervisor.unpause(domain.domid);
  return `domain ${domain.domid} runs`;
}

/**
 * Whose TPMs the domain serves and what these guests are started from, as a segment of its ramdisk; none where it serves nobody. It
 * is not measured: the UUIDs in it are, as those of this boot, and the rest follows from the manifest and the images.
 */
async function servedGuests(state: BootState, { name }: DomainSettings): Promise<Buffer[]> {
  const { created, hypervisor, manifest } = state;
  const guests: RecordedGuest[] = [];
  for (const guest of created.filter(({ vtpm }) => vtpm === name)) {
    const settings = manifest.domains.find((domain) => domain.name === guest.name);
    if (settings === undefined) throw new Error(`${guest.name} is in no manifest`);
    guests.push({
      ...{ name: guest.name, domid: guest.domid, uuid: guest.uuid },
      sid: hypervisor.securityId(guest.seclabel),
      launch: await launchItems(settings, manifest, { image: (path) => state.image(path) }),
      persistent: settings.vtpmPersistent ?? false,
    });
  }
  if (guests.length === 0) return [];
  const data = Buffer.from(recordedGuestsText(guests));
  return [
    cpio([{ path: RECORDED_GUESTS, type: 'file', mode: 0o444, data }, ...stateKey(state, guests)]),
  ];
}

/** The key of the states, for the one domain that serves TPMs which outlast the boot. */
function stateKey({ vtpmKey }: BootState, guests: readonly RecordedGuest[]): CpioEntry[] {
  if (vtpmKey === undefined || !guests.some(({ persistent }) => persistent)) return [];
  const data = Buffer.from(vtpmStateKeyText(vtpmKey));
  forgetVtpmKey(vtpmKey);
  return [{ path: VTPM_STATE_KEY, type: 'file', mode: 0o400, data }];
}

/**
 * The authority over the TPMs that the domain serves, private half and all, as a segment of its ramdisk; none where it serves nobody. It is
 * of this boot, and its public half is measured.
 */
function authorityArchive({ authorities }: BootState, { name }: DomainSettings): Buffer[] {
  const authority = authorities.get(name);
  if (authority === undefined) return [];
  const { certificate, privateKey } = AUTHORITY_FILES;
  return [
    cpio([
      { path: certificate, type: 'file', mode: 0o444, data: authority.certificate },
      { path: privateKey, type: 'file', mode: 0o400, data: authority.privateKey },
    ]),
  ];
}

function creation({ uuids }: BootState, domain: DomainSettings): CreatedDomain {
  const uuid = uuids.get(domain.name);
  if (uuid === undefined) throw new Error(`${domain.name} is created before it has a UUID`);
  const { capabilities, pci, autostart } = domain;
  return {
    ...domainProperties(domain),
    ...{ uuid, capabilities, pci, autostart },
    ...toldToDom0(domain),
    ...buildingPlan(domain),
  };
}

function createdFor(state: BootState, domain: DomainSettings): CreatedDomain {
  const created = state.created.find((other) => other.domid === domain.domid);
  if (!created) throw new Error(`${domain.name} is used before it is created`);
  return created;
}
