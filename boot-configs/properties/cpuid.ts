import { cpuidFault, msrRelaxedFault } from '../../domains/rules/processor.ts';
import type { CpuFeature } from '../../domains/settings.ts';
import type { Check } from '../checks/check.ts';
import { cpuChanges, cpuFeatureSpellings } from '../cpu-features.ts';
import { isHardware } from '../draft.ts';
import { nearest } from '../suggest.ts';
import { hintForHardware } from './hardware-hint.ts';
import { atCreation, property } from './property.ts';

export const cpuidFeatures: Check = {
  rule: 'cpuid',
  says: 'cpuid names features that Xen knows, each once; the hardware domain has neither cpuid nor msr_relaxed.',
  run({ domains }, report) {
    for (const domain of domains) {
      const { path, cpuid: text, msr_relaxed: msrRelaxed } = domain;
      const hardware = isHardware(domain);
      const relaxed = msrRelaxedFault({ msrRelaxed, hardware });
      if (relaxed) report([...path, 'msr_relaxed'], relaxed.message, relaxed.hint);
      if (text === undefined) continue;
      const at = [...path, 'cpuid'];
      const changes = cpuChanges(text);
      const fault = cpuidFault({ cpuid: changes, hardware });
      if (fault) {
        report(at, fault.message, hardware ? hintForHardware('cpuid', 'host') : fault.hint);
        continue;
      }
      // One place stands for the whole text, and a place takes one message.
      const unknown = changes.find(({ name }) => name === undefined);
      const twice = changes.find(({ name }, index) =>
        changes.slice(0, index).some((other) => other.name === name),
      );
      if (unknown !== undefined) {
        const meant = nearest(unknown.written, cpuFeatureSpellings);
        report(
          at,
          `Xen knows no CPU feature "${unknown.written}"`,
          meant === undefined
            ? 'use the names of xen/arch-x86/cpufeatureset.h in lower case'
            : `did you mean "${meant}"?`,
        );
      } else if (twice !== undefined) {
        report(at, `${twice.written} is chosen twice`, 'choose each feature once');
      }
    }
  },
};

export const cpuidProperty = property({
  checks: [cpuidFeatures],
  read: ({ cpuid = 'host' }) => ({ cpuid: featuresOf(cpuid) }),
  asks: ({ cpuid }) => ({ cpuid }),
  shown: atCreation(({ cpuid }) =>
    cpuid.length > 0 ? { cpuid: cpuid.map(showFeature).join(',') } : undefined,
  ),
  honouredBy: ['creation'],
  changeable: false,
});

export const msrRelaxedProperty = property({
  checks: [cpuidFeatures],
  read: ({ msr_relaxed = false }) => ({ msrRelaxed: msr_relaxed }),
  asks: ({ msrRelaxed }) => ({ msrRelaxed }),
  shown: atCreation(({ msrRelaxed }) => (msrRelaxed ? { msr_relaxed: 'true' } : undefined)),
  honouredBy: ['creation'],
  changeable: false,
});

function featuresOf(cpuid: string): CpuFeature[] {
  const changes = cpuChanges(cpuid).map(({ written, name, value }) => {
    if (name === undefined) throw new Error(`${written} passed the checks and is no CPU feature`);
    return { name, value };
  });
  return changes.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** As in a manifest. */
function showFeature({ name, value }: CpuFeature): string {
  return `${name}=${value === 'host' ? 'k' : Number(value)}`;
}
