import type { DomainSettings } from '../../boot-configs/manifest.ts';
import { domainProperties } from '../domain-properties.ts';
import { handoverCapacity } from '../hand-over.ts';
import type { Operation } from '../operations.ts';
import { joinSegments } from '../ramdisk.ts';
import type { BootState, CreatedDomain } from '../state.ts';

type Of<K extends Operation['do']> = Extract<Operation, { do: K }>;

export function createDomain(state: BootState, { domain }: Of<'create-domain'>): string {
  const uuid = state.uuids.get(domain.name);
  if (uuid === undefined) throw new Error(`${domain.name} is created before it has a UUID`);
  const created: CreatedDomain = {
    ...domainProperties(domain),
    uuid,
    capabilities: domain.capabilities,
    autostart: domain.autostart,
  };
  state.hypervisor.create(created);
  state.created.push(created);
  return `domain ${created.domid}, ${created.seclabel}, ${created.uuid}`;
}

export async function buildDomain(
  state: BootState,
  { domain }: Of<'build-domain'>,
): Promise<string> {
  const kernel = await state.image(domain.kernel);
  const segments = await Promise.all(domain.ramdisk.map((path) => state.image(path)));
  await state.hypervisor.build(createdFor(state, domain), {
    kernel: kernel.bytes,
    ramdisk: joinSegments(segments.map(({ bytes }) => bytes)),
    cmdline: domain.cmdline,
    handoverBytes: domain.capabilities.includes('hardware') ? handoverCapacity(state) : 0,
  });
  return `${domain.memoryKiB / 1024}MiB, ${domain.vcpus} vcpus`;
}

export function startDomain(state: BootState, { domain }: Of<'start-domain'>): string {
  if (state.abandoned.some(({ domid }) => domid === domain.domid)) return 'abandoned';
  state.hypervisor.unpause(domain.domid);
  return `domain ${domain.domid} runs`;
}

function createdFor(state: BootState, domain: DomainSettings): CreatedDomain {
  const created = state.created.find((other) => other.domid === domain.domid);
  if (!created) throw new Error(`${domain.name} is used before it is created`);
  return created;
}
