/** Reads what a CPU policy shows, in the form in which libxenguest serialises it. */
import { FEATURE_WORDS, type FeatureWord, placeOf } from '../cpu-features.ts';
import { StructView } from '../ffi/struct.ts';
import type { XenSession } from './session.ts';

export interface CpuPolicy {
  /** Whether there is a leaf or MSR that tells of the feature. */
  covers(feature: string): boolean;
  has(feature: string): boolean;
}

/** @param whose one of Xen's own (XEN_SYSCTL_cpu_policy_*), or a domain's */
export function readCpuPolicy(
  session: XenSession,
  whose: { system: number } | { domid: number },
): CpuPolicy {
  const { guest, xch, layout } = session;
  const { structs, constants } = layout;
  const leafCount = Buffer.alloc(4);
  const msrCount = Buffer.alloc(4);
  guest.xc_cpu_policy_get_size({ xch, leafCount, msrCount });
  const leaves = Buffer.alloc(leafCount.readUInt32LE() * structs.xen_cpuid_leaf.size);
  const msrs = Buffer.alloc(msrCount.readUInt32LE() * structs.xen_msr_entry.size);
  const policy = guest.xc_cpu_policy_init({});
  try {
    if ('system' in whose) {
      guest.xc_cpu_policy_get_system({ xch, index: whose.system, policy });
    } else {
      guest.xc_cpu_policy_get_domain({ xch, domid: whose.domid, policy });
    }
    guest.xc_cpu_policy_serialise({ xch, policy, leaves, leafCount, msrs, msrCount });
  } finally {
    guest.xc_cpu_policy_destroy({ policy });
  }

  const words = new Map<FeatureWord, number>();
  for (const word of FEATURE_WORDS) {
    const value = 'msr' in word ? msrWord(word) : leafWord(word);
    if (value !== undefined) words.set(word, value);
  }
  return {
    covers: (feature) => words.has(placeOf(feature).word),
    has: (feature) => {
      const { word, bit } = placeOf(feature);
      return (((words.get(word) ?? 0) >>> bit) & 1) === 1;
    },
  };

  function leafWord(word: Extract<FeatureWord, { leaf: number }>) {
    const { leaf, subleaf = constants.XEN_CPUID_NO_SUBLEAF, register } = word;
    const { size } = structs.xen_cpuid_leaf;
    for (let i = 0; i < leafCount.readUInt32LE(); i++) {
      const view = new StructView(layout, 'xen_cpuid_leaf', leaves.subarray(i * size));
      if (view.number('leaf') !== leaf || view.number('subleaf') !== subleaf) continue;
      return view.number(register);
    }
    return undefined;
  }

  function msrWord(word: Extract<FeatureWord, { msr: number }>) {
    const { size } = structs.xen_msr_entry;
    for (let i = 0; i < msrCount.readUInt32LE(); i++) {
      const view = new StructView(layout, 'xen_msr_entry', msrs.subarray(i * size));
      if (view.number('idx') !== word.msr) continue;
      return Number((view.get('val') >> (word.high ? 32n : 0n)) & 0xffff_ffffn);
    }
    return undefined;
  }
}
