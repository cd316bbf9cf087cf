/** What phases are put together from (boot.ts). */
import type {
  DomainSettings,
  Manifest,
  ScriptPoint,
  ScriptSettings,
} from '../../boot-configs/manifest.ts';
import type { ManifestOperation, Operation, Phase } from './operations.ts';

export function phaseOf<O extends Operation>(name: string, ...operations: O[]): Phase<O> {
  return { name, operations };
}

/** The phase, telling all that is wrong and not the first thing only. */
export const tellingAll = <O extends Operation>(phase: Phase<O>): Phase<O> => ({
  ...phase,
  checks: true,
});

export const when = <O extends Operation>(wanted: boolean, ...operations: O[]): O[] =>
  wanted ? operations : [];

type DomainOperation = Exclude<
  Extract<Operation, { domain: DomainSettings }>,
  { component: string }
>;

/** The same operation for each domain. */
export function each(
  domains: readonly DomainSettings[],
  kind: DomainOperation['do'],
): DomainOperation[] {
  return domains.map((domain) => ({ do: kind, domain }));
}

/** Those that serve TPMs to others of these. */
export const vtpmServers = (domains: readonly DomainSettings[]): DomainSettings[] =>
  domains.filter(({ name }) => domains.some(({ vtpm }) => vtpm === name));

/** Xen ends a boot that takes too long, whatever hangs. */
export function watchdog({ platform }: Manifest): Record<'limit' | 'unlimit', ManifestOperation[]> {
  const { timeoutSeconds: seconds } = platform;
  if (seconds === undefined) return { limit: [], unlimit: [] };
  return { limit: [{ do: 'set-watchdog', seconds }], unlimit: [{ do: 'stop-watchdog' }] };
}

/** What opens the states of TPMs that outlast the boot, where there are any. */
export function vtpmKey({ platform, domains }: Manifest): ManifestOperation[] {
  const { vtpmState } = platform;
  if (vtpmState === undefined || !domains.some((domain) => domain.vtpmPersistent)) return [];
  return [{ do: 'open-vtpm-key', ...vtpmState }];
}

/** The phase of the boot scripts that run at `point`, if there are any. */
export function runScripts(
  scripts: readonly ScriptSettings[],
  point: ScriptPoint,
): Phase<ManifestOperation>[] {
  const due = scripts.filter(({ at }) => at === point);
  if (due.length === 0) return [];
  const runs = due.map((script): ManifestOperation => ({ do: 'run-script', script }));
  return [phaseOf(point.replace('_', ' '), ...runs)];
}

/** Everything of a domain that is measured. */
export function measurements(domain: DomainSettings): ManifestOperation[] {
  // A ramdisk of one segment is simply the ramdisk.
  const segments = domain.ramdisk.map((_, segment): ManifestOperation => {
    const one = domain.ramdisk.length === 1;
    return { do: 'measure-image', domain, component: 'ramdisk', ...(one ? {} : { segment }) };
  });
  const { components } = domain.measurement;
  return [
    { do: 'measure-domain', domain },
    { do: 'measure-image', domain, component: 'kernel' },
    ...when(components.includes('ramdisk'), ...segments),
    ...when(components.includes('cmdline'), { do: 'measure-image', domain, component: 'cmdline' }),
  ];
}

/** The platform's register and those that a recovery domain wants for its images: open before all others. */
export function firstRegisters({ platform, recovery }: Manifest): number[] {
  const own = platform.measurement.pcr;
  return [own, ...furtherRegisters(recovery ? [recovery] : [], [own])];
}

/** Registers that domains want for their images, but for those that are open already. */
export function furtherRegisters(
  domains: readonly DomainSettings[],
  open: readonly number[],
): number[] {
  const pcrs = new Set(domains.map(({ measurement }) => measurement.pcr));
  return [...pcrs].filter((pcr) => !open.includes(pcr)).sort((a, b) => a - b);
}

export const openRegister = (pcr: number) => ({ do: 'open-register', pcr }) as const;
