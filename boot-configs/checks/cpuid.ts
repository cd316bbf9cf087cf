import { cpuChanges, cpuFeatureSpellings } from '../cpu-features.ts';
import { nearest } from '../suggest.ts';
import type { Check } from './check.ts';

export const cpuid: Check = {
  rule: 'cpuid',
  says: 'cpuid names features that Xen knows, each once; the hardware domain has neither cpuid nor msr_relaxed.',
  run({ domains }, report) {
    for (const { path, cpuid: text, msr_relaxed, capabilities } of domains) {
      if (msr_relaxed === true && capabilities?.includes('hardware')) {
        const message =
          'the hardware domain reads the registers of the processor as Xen shows them';
        report([...path, 'msr_relaxed'], message, 'remove "msr_relaxed"');
      }
      if (text === undefined) continue;
      const at = [...path, 'cpuid'];
      const changes = cpuChanges(text);
      if (capabilities?.includes('hardware') && changes.length > 0) {
        const message = 'the hardware domain sees the CPU as Xen shows it';
        report(at, message, 'remove "cpuid"');
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
