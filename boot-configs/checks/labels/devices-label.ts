import type { Path } from '../../path.ts';
import { pciAddress } from '../../pci-address.ts';
import { contextText } from '../../policy/contexts.ts';
import { firstLacking, type Lack, lackText } from '../../policy/lacking.ts';
import { labelsOf } from '../../policy/resources.ts';
import {
  type DeviceProperty,
  deviceItems,
  deviceProperties,
} from '../../properties/device-items.ts';
import type { Report } from '../check.ts';
import { suitableLabels } from './label-fault.ts';
import type { Labelled, LabelledDomain } from './labelled.ts';

/** What a domain with no device behind the IOMMU needs to use one, and what a domain behind it (flask_iommu_resource_use_perm). */
const WITHOUT_IOMMU = ['use_noiommu'];
const WITH_IOMMU = ['use_iommu', 'use_iommu_nointremap'];

const KINDS = {
  ioports: { kind: 'ioport', says: 'I/O ports', gives: ['add_ioport'] },
  iomem: { kind: 'iomem', says: 'device memory', gives: ['add_iomem'] },
  // The number is not checked when it is given, only when the domain, which runs by then, maps the line (flask_irq_permission).
  irqs: { kind: 'irq', says: 'interrupts', gives: [] },
} as const;

/** Reports the devices of a domain that its label may not have, or that nobody may give it. */
export function reportDevices(labelled: Labelled, domain: LabelledDomain, report: Report): void {
  for (const property of deviceProperties) reportGiven(labelled, domain, property, report);
  reportPci(labelled, domain, report);
}

function reportGiven(
  labelled: Labelled,
  labelledDomain: LabelledDomain,
  property: DeviceProperty,
  report: Report,
): void {
  const { policy, builder } = labelled;
  const { domain, type, building } = labelledDomain;
  const items = deviceItems(domain, property).filter(({ count }) => count > 0);
  if (items.length === 0) return;
  const { kind, says, gives } = KINDS[property];
  const add = addNeed(builder, building);
  if (firstLacking(policy, [add])) {
    reportKind(labelled, labelledDomain, [...domain.path, property], says, add, report);
    return;
  }
  const behind = (domain.pci ?? []).length > 0;
  for (const { path, first, count, text } of items) {
    const lacks = labelsOf(policy, kind, first, first + count - 1).flatMap(({ context }) => {
      const target = policy.typesByValue.get(context.type)?.name;
      if (target === undefined) return [];
      const lack = firstLacking(policy, [
        { source: builder, target, class: 'resource', permissions: gives },
        kind === 'irq'
          ? use(type, target, [...WITH_IOMMU, ...WITHOUT_IOMMU])
          : use(building, target, behind ? WITH_IOMMU : WITHOUT_IOMMU),
      ]);
      return lack === undefined ? [] : [{ label: contextText(policy, context), lack }];
    });
    const [found] = lacks;
    if (found === undefined) continue;
    report(
      path,
      `${type} may not have ${text}, which has the label ${found.label}: the policy does not allow ${lackText(found.lack)}`,
      'give the domain a label that may have it, or allow it in the policy',
    );
  }
}

const use = (source: string, target: string, permissions: readonly string[]): Lack => ({
  ...{ source, target, class: 'resource', permissions },
  any: true,
});

/** Domain 0 attaches PCI devices, which takes rights of its own and of the domain that gets them (flask_assign_device). */
function reportPci(labelled: Labelled, labelledDomain: LabelledDomain, report: Report): void {
  const { policy, domains } = labelled;
  const { domain, type } = labelledDomain;
  const giver = domains.find(({ hardware }) => hardware)?.type;
  const devices = domain.pci ?? [];
  if (giver === undefined || devices.length === 0) return;
  const add = addNeed(giver, type);
  if (firstLacking(policy, [add])) {
    reportKind(labelled, labelledDomain, [...domain.path, 'pci'], 'PCI devices', add, report);
    return;
  }
  for (const [index, device] of devices.entries()) {
    if (device === undefined) continue;
    const number = deviceNumber(device);
    const context = labelsOf(policy, 'pci', number, number)[0]?.context;
    const target = policy.typesByValue.get(context?.type ?? 0)?.name;
    if (context === undefined || target === undefined) continue;
    const lack = firstLacking(policy, [
      { source: giver, target, class: 'resource', permissions: ['add_device'] },
      use(type, target, WITH_IOMMU),
    ]);
    if (lack === undefined) continue;
    report(
      [...domain.path, 'pci', index],
      `${type} may not have this device, which has the label ${contextText(policy, context)}: the policy does not allow ${lackText(lack)}`,
      'give the domain a label that may have it, or allow it in the policy',
    );
  }
}

const addNeed = (source: string, target: string): Lack => ({
  ...{ source, target, class: 'resource' },
  permissions: ['add'],
});

/** The whole property is wrong for the label. */
function reportKind(
  labelled: Labelled,
  domain: LabelledDomain,
  path: Path,
  says: string,
  lack: Lack,
  report: Report,
): void {
  const labels = suitableLabels(labelled, domain, ({ type, building }) => {
    const target = lack.target === domain.type ? type : building;
    return firstLacking(labelled.policy, [{ ...lack, target }]) === undefined;
  });
  report(
    path,
    `a domain labelled ${domain.type} can have no ${says}: the policy does not allow ${lackText(lack)}`,
    labels.length > 0
      ? `remove them, or use the label ${labels.join(' or ')}`
      : 'remove them, or allow it in the policy',
  );
}

/** As policies have it: segment << 16 | bus << 8 | device << 3 | function. */
function deviceNumber(device: string): number {
  const [segment = '', bus = '', slot = ''] = pciAddress(device).split(':');
  const [number = '', part = ''] = slot.split('.');
  const hex = (text: string) => Number.parseInt(text, 16);
  return hex(segment) * 0x10000 + hex(bus) * 0x100 + hex(number) * 8 + hex(part);
}
