import type { DomainSettings } from '../../boot-configs/manifest.ts';
import type { BuildingPlan } from '../../domains/end-actions.ts';

/** What a manifest says of a domain for dom0 alone, which the boot hands over as it is. What is absent was not said. */
const keys = [
  ...(['disks', 'vifs', 'vtpm', 'vtpmPersistent'] as const),
  ...(['onPoweroff', 'onReboot', 'onCrash'] as const),
] as const satisfies (keyof DomainSettings)[];

export interface ToldToDom0 extends Pick<DomainSettings, (typeof keys)[number]> {
  /** For a domain that dom0 builds again when it stops. */
  again?: BuildingPlan;
}

export function toldToDom0(domain: ToldToDom0): ToldToDom0 {
  const said = [...keys, 'again' as const].filter((key) => domain[key] !== undefined);
  return Object.fromEntries(said.map((key) => [key, domain[key]])) as ToldToDom0;
}

/** What dom0 needs to build the domain again; nothing where it never does. */
export function buildingPlan(domain: DomainSettings): Pick<ToldToDom0, 'again'> {
  const { onPoweroff, onReboot, onCrash, kernel, ramdisk, cmdline, cpus, limits } = domain;
  if (![onPoweroff, onReboot, onCrash].includes('restart')) return {};
  const { nestedHvm, msrRelaxed, uuid } = domain;
  const uuidFixed = uuid !== undefined;
  return {
    again: {
      ...{ kernel, ramdisk, cmdline, limits, nestedHvm, msrRelaxed, uuidFixed },
      ...(cpus === undefined ? {} : { cpus }),
    },
  };
}
