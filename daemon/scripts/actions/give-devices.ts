import { excluding } from '../../../bindings/ranges.ts';
import { domainProperties } from '../../../boot-configs/properties/table.ts';
import { CallProblem } from '../../../boot-scripts/script-errors.ts';
import type { DomainDevices } from '../../../domains/settings.ts';
import type { ScriptAction } from '../script-action.ts';
import { checkCount, domainArgument, membersArgument, show } from './arguments.ts';
import { revised } from './configure.ts';

const KINDS = ['ioports', 'iomem', 'irqs'] as const;

/** `giveDevices(domain, devices)`: beside what it has, as if the manifest said so; the hardware domain loses them. */
export const giveDevicesAction: ScriptAction = {
  prepare(state, _script, given) {
    checkCount(given, ['the name of a domain', 'an object with ioports, iomem or irqs']);
    const domain = domainArgument(state, given[0]);
    const more = membersArgument(given[1], KINDS);
    const { name, domid } = domain;
    const created = state.created.find((other) => other.domid === domid);
    if (created === undefined)
      throw new CallProblem(`${name} was given up: nobody can use devices`);
    const [hardware] = state.manifest.domains.filter((other) =>
      other.capabilities.includes('hardware'),
    );
    if (hardware === undefined) throw new Error('a manifest without a hardware domain');
    const before = domainProperties(domain).devices;
    const has = written(before);
    const lists = KINDS.flatMap((kind) => {
      const wanted = more[kind];
      if (wanted === undefined) return [];
      if (!Array.isArray(wanted)) throw new CallProblem(`${kind}: ${show(wanted)} is no list`);
      return [[kind, [...has[kind], ...wanted]] as const];
    });
    const change = revised(state, name, Object.fromEntries(lists));
    const now = domainProperties(
      change.manifest.domains.find((other) => other.domid === domid) ?? domain,
    ).devices;
    return () => {
      state.hypervisor.moveDevices(hardware.domid, domid, added(before, now));
      change.make();
      created.devices = now;
    };
  },
};

/** As a manifest has them. */
function written({ ioports, iomem, irqs }: DomainDevices): Record<keyof DomainDevices, unknown[]> {
  const hex = (value: number) => value.toString(16);
  return {
    ioports: ioports.map(({ first, count }) => `${hex(first)}-${hex(first + count - 1)}`),
    iomem: iomem.map(({ first, count }) => `${hex(first)},${hex(count)}`),
    irqs: [...irqs],
  };
}

function added(before: DomainDevices, now: DomainDevices): DomainDevices {
  return {
    ioports: excluding(now.ioports, before.ioports),
    iomem: excluding(now.iomem, before.iomem),
    irqs: now.irqs.filter((irq) => !before.irqs.includes(irq)),
  };
}
