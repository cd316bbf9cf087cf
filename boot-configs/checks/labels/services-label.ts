import { channelNeeds, firstLacking, type Lack, lacking, lackText } from '../../policy/lacking.ts';
import type { Report } from '../check.ts';
import type { Labelled, LabelledDomain } from './labelled.ts';

/** Reports services of the manifest that a domain's label, or that of who serves it, does not allow. */
export function reportServices(labelled: Labelled, guest: LabelledDomain, report: Report): void {
  const { policy, builder, domains } = labelled;
  const server = domains.find(({ hardware, domain }) => hardware && !domain.recovery);
  if (server !== undefined && server !== guest) {
    for (const service of ['xenstore', 'console'] as const) {
      if (!guest.domain[service]) continue;
      const lack = firstLacking(policy, [
        ...channelNeeds(policy, builder, guest.building, server.building),
        ...servedNeeds(labelled, guest.type, server.type),
      ]);
      if (lack)
        report([...guest.domain.path, service], refusal(guest, server, service, lack), HINT);
    }
  }
  const name = guest.domain.vtpm;
  const backend = domains.find(({ domain }) => name !== undefined && domain.name === name);
  if (backend === undefined || backend === guest) return;
  const lack = firstLacking(policy, [
    ...channelNeeds(policy, guest.type, guest.type, backend.type),
    ...servedNeeds(labelled, guest.type, backend.type),
    // Whether the guest lives: its TPM ends with it, whatever domain 0 says. Of domain 0 itself nobody asks (vtpm/backend/guest-life.ts).
    ...(guest.domain.domid === 0 ? [] : [seeing(backend, guest)]),
  ]);
  if (lack) report([...guest.domain.path, 'vtpm'], refusal(guest, backend, 'a TPM', lack), HINT);
  if (guest.domain.vtpm_persistent) reportReaders(labelled, guest, backend, report);
}

/** Who maps the server's memory has the key of all states, and nothing keeps it from bringing older ones back. */
function reportReaders(
  { policy, domains }: Labelled,
  guest: LabelledDomain,
  backend: LabelledDomain,
  report: Report,
): void {
  const reader = domains.find(
    (other) => other !== backend && lacking(policy, mapping(other, backend)) === undefined,
  );
  if (reader === undefined) return;
  report(
    [...guest.domain.path, 'vtpm_persistent'],
    `${reader.domain.name ?? 'another domain'} (${reader.type}) may read the memory of ${backend.domain.name} (${backend.type}), and with it the key of states`,
    `give ${backend.domain.name} a label that nobody may look into, such as system_u:system_r:vtpm_t`,
  );
}

const seeing = (from: LabelledDomain, to: LabelledDomain): Lack => ({
  ...{ source: from.type, target: to.type, class: 'domain' },
  permissions: ['getdomaininfo'],
});

const mapping = (from: LabelledDomain, to: LabelledDomain): Lack => ({
  ...{ source: from.type, target: to.type, class: 'mmu' },
  permissions: ['map_read'],
});

const HINT = 'give one of the two another label, or allow it in the policy';

/** The server's end of the channel, and the pages that the guest grants it. */
function servedNeeds({ policy }: Labelled, guest: string, server: string): Lack[] {
  return [
    ...channelNeeds(policy, server, server, guest),
    ...channelNeeds(policy, guest, guest, server).slice(1),
    { source: server, target: guest, class: 'grant', permissions: ['map_read', 'map_write'] },
  ];
}

function refusal(guest: LabelledDomain, server: LabelledDomain, what: string, lack: Lack): string {
  const who = `${server.domain.name ?? 'the server'} (${server.type})`;
  return `${who} can't serve ${what} to a domain labelled ${guest.type}: the policy does not allow ${lackText(lack)}`;
}
