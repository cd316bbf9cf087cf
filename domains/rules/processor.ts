import type { Fault, Known } from './rule.ts';

/** Whatever it wants to have changed. */
export function cpuidFault({
  cpuid,
  hardware,
}: { cpuid: readonly unknown[] } & Known<'hardware'>): Fault | undefined {
  if (!hardware || cpuid.length === 0) return undefined;
  const message = 'the hardware domain sees the CPU as Xen shows it';
  return { message, hint: 'remove "cpuid"' };
}

export function msrRelaxedFault({
  msrRelaxed,
  hardware,
}: Known<'msrRelaxed' | 'hardware'>): Fault | undefined {
  if (!hardware || !msrRelaxed) return undefined;
  const message = 'the hardware domain reads the registers of the processor as Xen shows them';
  return { message, hint: 'remove "msr_relaxed"' };
}

export function nestedHvmFault({
  type,
  nestedHvm,
}: Known<'type' | 'nestedHvm'>): Fault | undefined {
  if (type !== 'pv' || !nestedHvm) return undefined;
  return {
    message: 'a pv domain does not use the virtualization of the processor and cannot pass it on',
    hint: 'remove nestedhvm, or make the domain pvh or hvm',
  };
}
