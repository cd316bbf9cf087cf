import type { DomainSettings } from '../../boot-configs/manifest.ts';

/** What a manifest says of a domain for dom0 alone, which the boot hands over as it is. What is absent was not said. */
const keys = [
  ...(['disks', 'vifs', 'vtpm', 'vtpmPersistent'] as const),
  ...(['onPoweroff', 'onReboot', 'onCrash'] as const),
] as const satisfies (keyof DomainSettings)[];

export type ToldToDom0 = Pick<DomainSettings, (typeof keys)[number]>;

export function toldToDom0(domain: ToldToDom0): ToldToDom0 {
  const said = keys.filter((key) => domain[key] !== undefined);
  return Object.fromEntries(said.map((key) => [key, domain[key]])) as ToldToDom0;
}
