/** CPU features by name, and where in a CPU's description each stands. */

import type { CpuFeature, DomainProperties } from '../domains/settings.ts';
import { cpuFeatureNumbers } from '../xen-releases/releases.ts';
import { attempts } from './attempts.ts';
import type { HypervisorError } from './hypervisor.ts';
import { refused } from './refusal.ts';

const numbers = cpuFeatureNumbers();

/** The number of a feature named as in {@link CpuFeature.name}; undefined for an unknown one. */
export function cpuFeatureNumber(name: string): number | undefined {
  const spelled = name.toUpperCase().replaceAll('-', '_');
  return Object.hasOwn(numbers, spelled) ? numbers[spelled] : undefined;
}

export const REGISTERS = ['a', 'b', 'c', 'd'] as const;

/** One word of 32 features: a register of a CPUID leaf, or half of an MSR. */
export type FeatureWord =
  | { leaf: number; subleaf?: number; register: (typeof REGISTERS)[number] }
  | { msr: number; high: boolean };

const MSR_ARCH_CAPABILITIES = 0x10a;

/** By the number of the word, as the header's comments say. */
export const FEATURE_WORDS: readonly FeatureWord[] = [
  { leaf: 0x1, register: 'd' },
  { leaf: 0x1, register: 'c' },
  { leaf: 0x8000_0001, register: 'd' },
  { leaf: 0x8000_0001, register: 'c' },
  { leaf: 0xd, subleaf: 1, register: 'a' },
  { leaf: 0x7, subleaf: 0, register: 'b' },
  { leaf: 0x7, subleaf: 0, register: 'c' },
  { leaf: 0x8000_0007, register: 'd' },
  { leaf: 0x8000_0008, register: 'b' },
  { leaf: 0x7, subleaf: 0, register: 'd' },
  { leaf: 0x7, subleaf: 1, register: 'a' },
  { leaf: 0x8000_0021, register: 'a' },
  { leaf: 0x7, subleaf: 1, register: 'b' },
  { leaf: 0x7, subleaf: 2, register: 'd' },
  { leaf: 0x7, subleaf: 1, register: 'c' },
  { leaf: 0x7, subleaf: 1, register: 'd' },
  { msr: MSR_ARCH_CAPABILITIES, high: false },
  { msr: MSR_ARCH_CAPABILITIES, high: true },
  { leaf: 0x8000_0021, register: 'c' },
];

/** Where a feature stands: its word and its bit there. */
export function placeOf(name: string): { word: FeatureWord; bit: number } {
  const number = cpuFeatureNumber(name) ?? -1;
  const word = FEATURE_WORDS[number >> 5];
  if (word === undefined) throw new RangeError(`no CPU feature ${name}`);
  return { word, bit: number & 31 };
}

/** The error for a feature that Xen did not show or hide as asked. */
export function cpuFeatureNotGiven(
  domain: DomainProperties,
  { name, value }: CpuFeature,
): HypervisorError {
  const reason = {
    true: `it cannot have the CPU feature ${name}: the machine lacks it, or Xen shows it to no domain of type ${domain.type}`,
    false: `Xen does not hide the CPU feature ${name} from a domain of type ${domain.type}`,
    host: `Xen does not show a domain of type ${domain.type} the machine's own ${name}`,
  }[`${value}`];
  const hint =
    'leave this feature out of cpuid; "xen-cpuid -p" in domain 0 shows what domains can have';
  return refused(attempts.create(domain), 'xc_cpuid_apply_policy', 'EOPNOTSUPP', reason, hint);
}

/** The error for a domain that was to run virtual machines and sees no virtualization. */
export function nestingNotGiven(domain: DomainProperties): HypervisorError {
  return refused(
    attempts.create(domain),
    'xc_cpuid_apply_policy',
    'EOPNOTSUPP',
    'Xen does not show it the hardware virtualization that nestedhvm asks for',
    'leave nestedhvm out; Xen can nest on few processors',
  );
}

/**
 * The errors for what a domain shall be shown and can't be.
 * @param shown whether Xen can show a domain of its type a feature
 */
export function featuresNotShown(
  domain: DomainProperties,
  shown: (name: string) => boolean,
): HypervisorError[] {
  const { cpuid, nestedHvm } = domain;
  const missing = cpuid.filter(
    // Of one that nobody knows the creation's own checks speak.
    ({ name, value }) => value === true && cpuFeatureNumber(name) !== undefined && !shown(name),
  );
  return [
    ...missing.map((feature) => cpuFeatureNotGiven(domain, feature)),
    ...(nestedHvm && !shown('svm') && !shown('vmx') ? [nestingNotGiven(domain)] : []),
  ];
}
