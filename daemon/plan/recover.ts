import type { DomainSettings, Manifest } from '../../boot-configs/manifest.ts';
import type { ManifestOperation, Phase } from './operations.ts';
import { each, phaseOf, watchdog, when } from './phase-parts.ts';

const phase = phaseOf<ManifestOperation>;

/** What stands in the place of the hardware domain: nothing, or a domain without memory that can be built once. */
export type HardwarePlace = 'free' | 'empty';

/** What a failed boot leaves for its recovery. */
export interface Remains {
  /** Domains that were created; the hardware domain, which has to stay, is not among them. */
  domains: readonly DomainSettings[];
  /** Whether the hardware domain is there, without memory. */
  place: HardwarePlace;
  /** Whether it was measured which key quotes this boot. */
  keyMade: boolean;
}

/**
 * How a failed boot goes on into its recovery domain. The failure is in the PCR, and the PCR capped, before the domain
 * exists, so that it runs under no value that anything good was sealed to.
 */
export function recover(
  manifest: Manifest,
  { domains, place, keyMade }: Remains,
): readonly Phase<ManifestOperation>[] {
  const { recovery: domain } = manifest;
  if (!domain) throw new Error('there is no recovery domain');
  const { limit, unlimit } = watchdog(manifest);
  return [
    phase('clear away', ...limit, ...each(domains, 'destroy-domain')),
    phase(
      'seal the failure',
      { do: 'identify-domain', domain },
      ...when(!keyMade, { do: 'make-key' }),
      { do: 'note-failure' },
      { do: 'quote-before-caps' },
      { do: 'record-failure' },
      { do: 'quote-pcrs' },
    ),
    phase(
      'recover',
      { do: place === 'free' ? 'create-domain' : 'reuse-domain', domain },
      { do: 'build-domain', domain },
      { do: 'hand-over', domain },
      { do: 'release-tpm' },
      { do: 'label-domain', domain },
      { do: 'start-domain', domain },
    ),
    phase('leave', ...unlimit, { do: 'leave' }),
  ];
}
