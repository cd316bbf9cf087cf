import type { BootState } from './state.ts';
import { tenth } from './timeline.ts';

/** Version of the record's shape; it changes when a reader of an older one would go wrong. */
const recordVersion = 1;

/** What domB tells dom0 about this boot: facts that differ from boot to boot and are therefore not measured. */
export function handoverRecord(state: BootState) {
  const { hypervisor, manifest, measurements, timeline } = state;
  return {
    version: recordVersion,
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
      maxVcpus: domain.maxVcpus ?? domain.vcpus,
      capabilities: domain.capabilities,
      autostart: domain.autostart,
      pci: domain.pci,
      // What dom0 needs to introduce it to xenstore and to serve its console.
      ...(domain.rings?.xenstore ? { xenstore: domain.rings.xenstore } : {}),
      ...(domain.rings?.console ? { console: domain.rings.console } : {}),
      ...(domain.vtpm === undefined ? {} : { vtpm: domain.vtpm }),
    })),
    abandoned: state.abandoned,
    ...(state.failure ? { failure: state.failure } : {}),
    node: { started: tenth(timeline.node.started), running: tenth(timeline.node.running) },
    timeline: timeline.entries.map((entry) => ({
      ...entry,
      start: tenth(entry.start),
      duration: tenth(entry.duration),
    })),
  };
}

export type HandoverRecord = ReturnType<typeof handoverRecord>;
