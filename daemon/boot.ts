import type { DomainSettings, Manifest } from '../boot-configs/manifest.ts';
import type { Operation, Phase } from './operations.ts';
import type { Settings } from './settings.ts';

/** What a boot image holds beside the manifest and its images. */
export type ImageParts = Pick<Settings, 'policy' | 'signed'>;

/**
 * The boot, in the order it happens. What comes before the manifest is read stands in `bringUp`; what the manifest
 * decides comes from `launch`. Both are pure functions; `execute.ts` runs what they give, and `steps.ts` says how each
 * operation is done.
 */
export function bringUp({ policy, signed }: ImageParts): readonly Phase[] {
  return [
    phase('bring up', { do: 'mount-filesystems' }, { do: 'load-modules' }),
    phase(
      'open',
      { do: 'open-tpm' },
      { do: 'open-log' },
      { do: 'open-hypervisor' },
      { do: 'require-flask' },
    ),
    phase(
      'read',
      { do: 'measure-daemon' },
      ...when(policy, { do: 'measure-policy' }, { do: 'load-policy' }),
      ...when(signed, { do: 'measure-signature-key' }),
      // The raw bytes are measured before anything parses them.
      { do: 'measure-manifest' },
      ...when(signed, { do: 'verify-signature' }),
      { do: 'read-manifest' },
    ),
  ];
}

export function launch(manifest: Manifest): readonly Phase[] {
  const { domains } = manifest;
  const { timeoutSeconds = 0 } = manifest.platform;
  const limited = timeoutSeconds > 0;
  const hardware = domains.filter((domain) => domain.capabilities.includes('hardware'));
  const others = domains.filter((domain) => !domain.capabilities.includes('hardware'));
  // The others stay paused, for dom0 to start them.
  const started = domains.filter((domain) => domain.autostart);
  return [
    phase(
      'check',
      ...when(limited, { do: 'set-watchdog', seconds: timeoutSeconds }),
      { do: 'check-memory' },
      ...each(domains, 'check-domain'),
    ),
    // Everything that will run is in the log and in the PCR before the first domain exists.
    phase('measure', { do: 'measure-configuration' }, ...domains.flatMap(measurements)),
    // What differs at each boot goes into a register of its own, so that the first one can be predicted.
    phase('identify', ...each(domains, 'identify-domain'), { do: 'make-key' }),
    // Under FLASK an event channel needs an existing peer, so all domains are created first.
    // The hardware domain comes last: it takes all devices that were not given away before.
    phase('create', ...each([...others, ...hardware], 'create-domain')),
    phase('build', ...each(domains, 'build-domain')),
    phase('seal', { do: 'cap-pcr' }, { do: 'quote-pcrs' }),
    // Two kernels must not drive one TPM: it is let go before dom0 runs.
    phase('hand over', ...each(hardware, 'hand-over'), { do: 'release-tpm' }),
    phase('start', ...each(started, 'start-domain')),
    phase('leave', ...when(limited, { do: 'stop-watchdog' }), { do: 'leave' }),
  ];
}

/** The whole boot as one list of phases. */
export const plan = (manifest: Manifest, parts: ImageParts): readonly Phase[] => [
  ...bringUp(parts),
  ...launch(manifest),
];

function phase(name: string, ...operations: Operation[]): Phase {
  return { name, operations };
}

const when = (wanted: boolean, ...operations: Operation[]) => (wanted ? operations : []);

type DomainOperation = Exclude<
  Extract<Operation, { domain: DomainSettings }>,
  { component: string }
>;

function each(domains: readonly DomainSettings[], kind: DomainOperation['do']): Operation[] {
  return domains.map((domain) => ({ do: kind, domain }));
}

function measurements(domain: DomainSettings): Operation[] {
  // A ramdisk of one segment is simply the ramdisk.
  const segments = domain.ramdisk.map((_, segment): Operation => {
    const one = domain.ramdisk.length === 1;
    return { do: 'measure-image', domain, component: 'ramdisk', ...(one ? {} : { segment }) };
  });
  return [
    { do: 'measure-domain', domain },
    { do: 'measure-image', domain, component: 'kernel' },
    ...segments,
    { do: 'measure-image', domain, component: 'cmdline' },
  ];
}
