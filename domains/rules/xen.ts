/** Rules that depend on the Xen that is started: of the running one, or of one that `domb validate` is told about. */
import type { DomainLimits, Limit } from '../settings.ts';
import type { Fault, Known } from './rule.ts';

/** Most pages of a grant table, and of a maptrack table. */
export type GrantLimits = Record<'grantFrames' | 'maptrackFrames', number>;

/** By limit: what it counts, and the option of Xen that it cannot exceed. */
const BOUNDS = {
  grantFrames: { what: 'grant frames', option: 'gnttab_max_frames' },
  maptrackFrames: { what: 'maptrack frames', option: 'gnttab_max_maptrack_frames' },
} as const;

export const boundedLimits = [
  'grantFrames',
  'maptrackFrames',
] as const satisfies readonly (keyof GrantLimits & keyof DomainLimits)[];

export function grantFault(
  limit: keyof GrantLimits,
  value: Limit | undefined,
  most: GrantLimits,
): Fault | undefined {
  if (value === undefined || value === 'default' || value <= most[limit]) return undefined;
  const { what, option } = BOUNDS[limit];
  return {
    message: `Xen gives a domain at most ${most[limit]} ${what}, and it wants ${value}`,
    hint: `ask for less, or raise ${option}= on Xen's command line`,
  };
}

/**
 * Xen decides by domid which new domain becomes the hardware domain: domain 0 when the boot domain runs beside it (our
 * series), else the one that `hardware_dom=` names.
 * @param hardwareDomid of the domain that Xen makes the hardware domain; undefined when it makes none
 */
export function hardwareDomidFault(
  { domid, hardware }: Known<'domid' | 'hardware'>,
  hardwareDomid: number | undefined,
): Fault | undefined {
  if (domid === undefined || hardware === undefined) return undefined;
  if (hardware === (domid === hardwareDomid)) return undefined;
  if (!hardware) {
    return {
      message: 'Xen would make it the hardware domain, which it is not meant to be',
      hint: 'give it another domid, or the capability "hardware"',
    };
  }
  const message = `the hardware domain has domid ${domid}`;
  if (hardwareDomid === 0) {
    return {
      message: `${message}, but a Xen started with boot-domain gives that role to domain 0`,
      hint: 'set its domid to 0 in the manifest',
    };
  }
  const found = hardwareDomid === undefined ? 'names none' : `names domain ${hardwareDomid}`;
  return {
    message: `${message}, but Xen's command line ${found}, and domain 0 is domB itself`,
    hint:
      domid === 0
        ? 'start a Xen that has the boot-domain option, with that option'
        : `start Xen with hardware_dom=${domid}, or with boot-domain and domid 0 in the manifest`,
  };
}

/** The CPUs that are asked for and not there. */
export function missingCpus({ cpus }: Known<'cpus'>, there: readonly number[]): readonly number[] {
  if (cpus === undefined || cpus === 'all') return [];
  const online = new Set(there);
  return cpus.filter((cpu) => !online.has(cpu));
}
