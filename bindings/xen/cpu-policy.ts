/** The CPU that a domain sees: what Xen gives a domain of its type, with the differences that were asked for. */
import type { CpuFeature, DomainProperties } from '../../domains/settings.ts';
import {
  cpuFeatureNotGiven,
  featuresNotShown,
  nestingNotGiven,
  placeOf,
  REGISTERS,
} from '../cpu-features.ts';
import { addressOf } from '../ffi/memory.ts';
import { StructView } from '../ffi/struct.ts';
import type { DomainCreation, HostInfo, HypervisorError } from '../hypervisor.ts';
import { type CpuPolicy, readCpuPolicy } from './policy-reading.ts';
import type { XenSession } from './session.ts';

/** What Xen can't show a domain of what it shall see, found before there is one. */
export function cpuPolicyFaults(
  session: XenSession,
  domain: DomainProperties,
  { hvm }: Pick<HostInfo, 'hvm'>,
): HypervisorError[] {
  const { cpuid, nestedHvm } = domain;
  // Where Xen can make no domain of the type it has no policy for one.
  if ((cpuid.length === 0 && !nestedHvm) || (domain.type !== 'pv' && !hvm)) return [];
  const { XEN_SYSCTL_cpu_policy_pv_max, XEN_SYSCTL_cpu_policy_hvm_max } = session.layout.constants;
  const most = readCpuPolicy(session, {
    system: domain.type === 'pv' ? XEN_SYSCTL_cpu_policy_pv_max : XEN_SYSCTL_cpu_policy_hvm_max,
  });
  return featuresNotShown(domain, (name) => most.has(name));
}

/** Sets the CPU policy of a new domain. @throws HypervisorError when Xen does not give what was asked for */
export function applyCpuPolicy(session: XenSession, domain: DomainCreation): void {
  const { guest, xch, layout } = session;
  const { domid, cpuid, nestedHvm } = domain;
  const {
    XEN_SYSCTL_cpu_policy_host,
    XEN_SYSCTL_cpu_policy_pv_default,
    XEN_SYSCTL_cpu_policy_hvm_default,
  } = layout.constants;
  const read = once((system: number) => readCpuPolicy(session, { system }));
  const machine = () => read(XEN_SYSCTL_cpu_policy_host);
  const usual = () =>
    read(
      domain.type === 'pv' ? XEN_SYSCTL_cpu_policy_pv_default : XEN_SYSCTL_cpu_policy_hvm_default,
    );
  // A leaf or MSR that is not there hides its features already, and libxc knows no way to change it.
  const changes = cpuid.filter((feature) => {
    if (machine().covers(feature.name) && usual().covers(feature.name)) return true;
    if (feature.value === true) throw cpuFeatureNotGiven(domain, feature);
    return false;
  });
  const held: Buffer[] = [];
  const { leaves, msrs } = differences(changes, layout, held);
  guest.xc_cpuid_apply_policy({
    xch,
    domid,
    restore: false,
    featureset: null,
    features: 0,
    pae: true,
    itsc: false,
    nestedVirt: nestedHvm,
    cpuid: leaves,
    msr: msrs,
  });
  held.length = 0;
  if (cpuid.length === 0 && !nestedHvm) return;

  // Xen drops what a domain cannot have without a word.
  const given = readCpuPolicy(session, { domid });
  for (const feature of cpuid) {
    const wanted = feature.value === 'host' ? machine().has(feature.name) : feature.value;
    if (given.has(feature.name) !== wanted) throw cpuFeatureNotGiven(domain, feature);
  }
  if (nestedHvm && !given.has('svm') && !given.has('vmx')) throw nestingNotGiven(domain);
}

/** Asks for each only where it is needed, which for most domains is nowhere, and then once. */
function once(read: (system: number) => CpuPolicy): (system: number) => CpuPolicy {
  const found = new Map<number, CpuPolicy>();
  return (system) => {
    const policy = found.get(system) ?? read(system);
    found.set(system, policy);
    return policy;
  };
}

type Layout = XenSession['layout'];

/**
 * The lists of `struct xc_xend_cpuid` and `struct xc_msr` that change these features and nothing else, each ended by an
 * unused entry; null for an empty one.
 * @param held takes what the lists point to, which must stay until they were used
 */
export function differences(
  features: readonly CpuFeature[],
  layout: Layout,
  held: Buffer[],
): { leaves: Buffer | null; msrs: Buffer | null } {
  const { XEN_CPUID_INPUT_UNUSED, XEN_CPUID_NO_SUBLEAF, XC_MSR_INPUT_UNUSED } = layout.constants;
  const leaves = new Map<string, StructView<'xc_xend_cpuid'>>();
  const texts = new Map<string, Buffer>();
  const msrs = new Map<number, StructView<'xc_msr'>>();
  for (const { name, value } of features) {
    const { word, bit } = placeOf(name);
    const letter = { true: '1', false: '0', host: 'k' }[`${value}`];
    if ('msr' in word) {
      const entry = msrs.get(word.msr) ?? unchangedMsr(word.msr);
      msrs.set(word.msr, entry);
      entry.block('policy').write(letter, 63 - bit - (word.high ? 32 : 0), 'latin1');
      continue;
    }
    const { leaf, subleaf = XEN_CPUID_NO_SUBLEAF, register } = word;
    const key = `${leaf},${subleaf}`;
    const entry = leaves.get(key) ?? new StructView(layout, 'xc_xend_cpuid');
    leaves.set(key, entry.set('leaf', leaf).set('subleaf', subleaf));
    const text = texts.get(key + register) ?? Buffer.from(`${'x'.repeat(32)}\0`, 'latin1');
    texts.set(key + register, text);
    held.push(text);
    text.write(letter, 31 - bit, 'latin1');
    const index = REGISTERS.indexOf(register) as 0 | 1 | 2 | 3;
    entry.set(`policy[${index}]`, addressOf(text));
  }
  const lastLeaf = new StructView(layout, 'xc_xend_cpuid').set('leaf', XEN_CPUID_INPUT_UNUSED);
  const lastMsr = new StructView(layout, 'xc_msr').set('index', XC_MSR_INPUT_UNUSED);
  return { leaves: list(leaves.values(), lastLeaf), msrs: list(msrs.values(), lastMsr) };

  function unchangedMsr(index: number): StructView<'xc_msr'> {
    const entry = new StructView(layout, 'xc_msr').set('index', index);
    entry.block('policy').write('x'.repeat(64), 'latin1');
    return entry;
  }
}

function list(entries: Iterable<{ bytes: Buffer }>, last: { bytes: Buffer }): Buffer | null {
  const all = [...entries].map(({ bytes }) => bytes);
  return all.length === 0 ? null : Buffer.concat([...all, last.bytes]);
}
