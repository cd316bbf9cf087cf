import { cpuFeatureNames } from './generated/cpu-features.ts';

/** One change in a `cpuid`, such as `sse4_1=0`. */
export interface CpuChange {
  /** The feature as it is spelled there. */
  written: string;
  /** As Xen's header spells it, in lower case with `-`; undefined when there is no such feature. */
  name: string | undefined;
  value: boolean | 'host';
}

/** Names that libxl takes beside those of Xen's header (tools/libs/light/libxl_cpuid.c), for single features. */
const aliases: Readonly<Record<string, string>> = {
  altmovcr8: 'cr8-legacy',
  clfsh: 'clflush',
  cmplegacy: 'cmp-legacy',
  cmpxchg16: 'cx16',
  cmpxchg8: 'cx8',
  cmt: 'pqm',
  est: 'eist',
  invtsc: 'itsc',
  lahfsahf: 'lahf-lm',
  'lfence+': 'lfence-dispatch',
  nodeid: 'nodeid-msr',
  ppin: 'amd-ppin',
  'sse4.1': 'sse4-1',
  'sse4.2': 'sse4-2',
  sysenter: 'sep',
  tm: 'tm1',
};

const names: ReadonlySet<string> = new Set(cpuFeatureNames);

/** The changes of a `cpuid` in the form that the schema demands, in their order. */
export function cpuChanges(cpuid: string): CpuChange[] {
  const [, ...changes] = cpuid.split(',');
  return changes.map((change) => {
    const [written = '', value] = change.split('=');
    return { written, name: nameOf(written), value: value === 'k' ? 'host' : value === '1' };
  });
}

function nameOf(written: string): string | undefined {
  const folded = written.toLowerCase().replaceAll('_', '-');
  const name = Object.hasOwn(aliases, folded) ? aliases[folded] : folded;
  return name !== undefined && names.has(name) ? name : undefined;
}

/** Everything that can be written, for suggestions. */
export const cpuFeatureSpellings: readonly string[] = [...names, ...Object.keys(aliases)];
