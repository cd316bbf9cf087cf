import type { MissingKey } from '../../measurement/events.ts';
import { missingKeys } from '../../measurement/keys/attestation-key.ts';
import type { HandoverRecord } from '../plan/record.ts';
import { toldToDom0 } from '../plan/told.ts';
import type { BootState } from './state.ts';
import { tenth } from './timeline.ts';

/** What this boot tells dom0. */
export function handoverRecord(state: BootState): HandoverRecord {
  const { hypervisor, manifest, measurements, timeline } = state;
  return {
    version: 1,
    bootDomid: state.bootDomid,
    hardwareDomid: state.created.find((domain) => domain.hardware)?.domid,
    xen: hypervisor.host().version + hypervisor.host().extra,
    measurement: { ...manifest.platform.measurement, events: measurements.events.length },
    domains: state.created.map((domain) => ({
      name: domain.name,
      domid: domain.domid,
      uuid: domain.uuid,
      type: domain.type,
      seclabel: domain.seclabel,
      memoryKiB: domain.memoryKiB,
      maxMemoryKiB: domain.maxMemoryKiB,
      vcpus: domain.vcpus,
      maxVcpus: domain.maxVcpus,
      capabilities: domain.capabilities,
      autostart: domain.autostart,
      pci: domain.pci,
      // What dom0 needs to introduce it to xenstore and to serve its console.
      ...(domain.rings?.xenstore ? { xenstore: domain.rings.xenstore } : {}),
      ...(domain.rings?.console ? { console: domain.rings.console } : {}),
      ...toldToDom0(domain),
    })),
    abandoned: state.abandoned,
    unread: [...state.unread],
    ...(state.failure ? { failure: state.failure } : {}),
    ...(state.missingKey ? { noQuote: noQuote(state.missingKey) } : {}),
    node: { started: tenth(timeline.node.started), running: tenth(timeline.node.running) },
    timeline: timeline.entries.map((entry) => ({
      ...entry,
      start: tenth(entry.start),
      duration: tenth(entry.duration),
    })),
  };
}

function noQuote(missing: MissingKey): { what: string; hint: string } {
  const { says, hint } = missingKeys[missing];
  return { what: says, hint };
}
