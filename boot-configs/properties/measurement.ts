import type { Check, Report } from '../checks/check.ts';
import { imageComponents } from '../components.ts';
import type { DraftDomain } from '../draft.ts';
import type { DomainSettings } from '../manifest.ts';
import { DEFAULT_BOOT_PCR, DEFAULT_PCR } from '../pcrs.ts';
import { deviceProperties } from './device-items.ts';
import { asksNothing, type Details, property, type Showing } from './property.ts';

export const domainPcr: Check = {
  rule: 'domain-pcr',
  says: "A domain's images are measured into one of the PCRs 8 to 15, and not into that of what differs at each boot.",
  run({ pcr: platformPcr = DEFAULT_PCR, bootPcr = DEFAULT_BOOT_PCR, domains }, report) {
    for (const { path, measurement } of domains) {
      const pcr = measurement?.pcr;
      if (pcr === undefined) continue;
      const at = [...path, 'measurement', 'pcr'];
      const hint = `choose 8 to 15, but not ${bootPcr}; without it the platform's, ${platformPcr}, is taken`;
      if (pcr < 8) report(at, `PCR ${pcr} belongs to the firmware`, hint);
      else if (pcr > 15) {
        report(at, `PCR ${pcr} can be reset after boot, so a value in it proves nothing`, hint);
      } else if (pcr === bootPcr) {
        report(at, `PCR ${pcr} takes what differs at each boot and can't be predicted`, hint);
      }
    }
  },
};

export const unmeasured: Check = {
  rule: 'unmeasured',
  says: 'Only ordinary guests may leave components unmeasured, never the kernel, and nothing whose digest is pinned.',
  run({ domains }, report) {
    const servers = new Set(domains.flatMap(({ vtpm }) => (vtpm === undefined ? [] : [vtpm])));
    for (const domain of domains) checkComponents(domain, servers, report);
  },
};

/** @param servers names of the domains that serve vTPMs */
function checkComponents(domain: DraftDomain, servers: ReadonlySet<string>, report: Report): void {
  const { path, measurement, digests } = domain;
  const components = measurement?.components;
  if (components === undefined || domain.refused('measurement')) return;
  const at = [...path, 'measurement', 'components'];
  for (const [index, component] of components.entries()) {
    if (components.indexOf(component) === index) continue;
    report([...at, index], `${component} is named twice`, 'remove one');
  }
  const left = imageComponents.filter((each) => !components.includes(each));
  if (left.includes('kernel')) {
    report(at, 'the kernel is always measured', 'add "kernel"');
    return;
  }
  const right = privilege(domain, servers);
  if (left.length > 0 && right !== undefined) {
    report(
      at,
      `a domain with ${right} is measured as a whole, and this leaves out ${left.join(' and ')}`,
      `add ${left.map((each) => `"${each}"`).join(' and ')}, or remove "components"`,
    );
  }
  if (left.includes('ramdisk') && digests?.ramdisk !== undefined) {
    report(
      [...path, 'digests', 'ramdisk'],
      'the ramdisk is compared when it is measured, and "components" leaves it out',
      'add "ramdisk" to the components, or remove the digest',
    );
  }
}

/** What makes a domain more than an ordinary guest; undefined when nothing does. */
function privilege(domain: DraftDomain, servers: ReadonlySet<string>): string | undefined {
  if ((domain.capabilities ?? []).length > 0) return 'capabilities';
  if (domain.name !== undefined && servers.has(domain.name)) return "guests' vTPMs";
  const properties = [...deviceProperties, 'pci'] as const;
  return properties.find((property) => (domain[property] ?? []).length > 0);
}

export const measurementProperty = property({
  checks: [domainPcr, unmeasured],
  read: ({ measurement = {} }, platformPcr): Pick<DomainSettings, 'measurement'> => {
    const { pcr = platformPcr, components } = measurement;
    const measured = imageComponents.filter((each) => components?.includes(each) ?? true);
    return { measurement: { pcr, components: measured } };
  },
  asks: asksNothing,
  shown: { with: 'measure-domain', details: unusual },
  honouredBy: ['steps', 'measurement'],
  changeable: false,
});

/** Where and what of a domain is measured, as far as it isn't the usual. */
function unusual({ measurement }: DomainSettings, { platformPcr }: Showing): Details {
  const { pcr, components } = measurement;
  return {
    ...(pcr === platformPcr ? {} : { pcr }),
    ...(components.length === imageComponents.length ? {} : { measured: components.join(' ') }),
  };
}
