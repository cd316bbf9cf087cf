import type { HardwareAccess } from '../../bindings/hypervisor.ts';
import type { Manifest } from '../../boot-configs/manifest.ts';
import type { ManifestOperation, OpeningOperation, Phase, ReadingOperation } from './operations.ts';
import {
  each,
  firstRegisters,
  furtherRegisters,
  measurements,
  openRegister,
  phaseOf,
  runScripts,
  tellingAll,
  vtpmKey,
  vtpmServers,
  watchdog,
  when,
} from './phase-parts.ts';
import type { Settings } from './settings.ts';

const phase = phaseOf<ManifestOperation>;

/** What a boot image holds beside the manifest and its images. */
export type ImageParts = Pick<Settings, 'policy' | 'signed'>;

/**
 * The boot, in the order it happens: `bringUp` and `read` come before there is a manifest; what it decides comes from
 * `prepare`, as far as scripts may still change it, and from `launch`. They are pure functions; `run/run-boot.ts` runs what
 * they give, and `run/steps.ts` says how each operation is done.
 */
export const bringUp: readonly Phase<OpeningOperation>[] = [
  phaseOf('bring up', { do: 'mount-filesystems' }, { do: 'load-modules' }),
  phaseOf(
    'open',
    { do: 'open-tpm' },
    { do: 'open-log' },
    { do: 'open-hypervisor' },
    { do: 'require-flask' },
  ),
];

export function read({ policy, signed }: ImageParts): readonly Phase<ReadingOperation>[] {
  return [
    phaseOf<ReadingOperation>(
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

type ManifestPhase = Phase<ManifestOperation>;

/** What comes before the plan is final: a failed boot can end in its recovery from here on, and scripts may change the rest. */
export function prepare(manifest: Manifest): readonly ManifestPhase[] {
  const { recovery, scripts } = manifest;
  const { limit } = watchdog(manifest);
  const phases: ManifestPhase[] = [];
  if (recovery) {
    // What a failed boot may end in is checked and measured first.
    phases.push(
      phase(
        'arm',
        ...limit,
        { do: 'check-domain', domain: recovery },
        ...firstRegisters(manifest).slice(1).map(openRegister),
        ...measurements(recovery),
        { do: 'arm-recovery', domain: recovery },
      ),
    );
  }
  if (scripts.length > 0) {
    // All are measured and checked before the first one runs.
    phases.push(
      phase(
        'scripts',
        ...when(recovery === undefined, ...limit),
        ...scripts.map((script): ManifestOperation => ({ do: 'measure-script', script })),
        { do: 'check-scripts', scripts },
        { do: 'look-at-machine' },
      ),
    );
  }
  return [...phases, ...runScripts(scripts, 'before_planning')];
}

/** What scripts made of the manifest. */
export interface Changes {
  /** The manifest before: what is predictable, and measured as such. */
  written?: Manifest;
  hardwareAccess?: HardwareAccess;
}

/** The boot of `manifest`, which scripts may have changed. */
export function launch(
  manifest: Manifest,
  { written = manifest, hardwareAccess: access }: Changes = {},
): readonly ManifestPhase[] {
  const { domains, scripts } = manifest;
  const { limit, unlimit } = watchdog(manifest);
  const hardware = domains.filter((domain) => domain.capabilities.includes('hardware'));
  const others = domains.filter((domain) => !domain.capabilities.includes('hardware'));
  // The others stay paused, for dom0 to start them.
  const started = domains.filter((domain) => domain.autostart);
  return [
    tellingAll(
      phase(
        'check',
        ...when(prepare(manifest).length === 0, ...limit),
        { do: 'check-hypervisor' },
        { do: 'check-memory' },
        ...each(domains, 'check-domain'),
        ...furtherRegisters(written.domains, firstRegisters(written)).map(openRegister),
      ),
    ),
    // Everything that will run is in the log and in the PCR before the first domain exists.
    phase('measure', { do: 'measure-configuration' }, ...written.domains.flatMap(measurements)),
    // What differs at each boot goes into a register of its own, so that the first one can be predicted.
    phase(
      'identify',
      { do: 'identify-hypervisor' },
      ...each(domains, 'identify-domain'),
      ...each(vtpmServers(domains), 'make-authority'),
      { do: 'make-key' },
      // All that is predictable is measured, and it is not capped: the TPM gives this key at no other time.
      ...vtpmKey(manifest),
    ),
    // Under FLASK an event channel needs an existing peer, so all domains are created first.
    // The hardware domain comes last: it takes all devices that were not given away before.
    phase(
      'create',
      // What Xen gave the boot domain is what the hardware domain will have, but for what others are given of it.
      { do: 'note-hardware' },
      ...each(others, 'create-domain'),
      ...(access ? [{ do: 'restrict-hardware', access } as const] : []),
      ...each(hardware, 'create-domain'),
    ),
    ...runScripts(scripts, 'after_create'),
    // As long as the hardware domain has no memory, a recovery domain can be built in its place.
    phase('build', ...each([...others, ...hardware], 'build-domain')),
    ...runScripts(scripts, 'before_start'),
    // Nothing changes the domains any more: what they have is compared with what they should have, as long as it can be measured.
    tellingAll(
      phase('read back', { do: 'list-domains' }, ...each([...others, ...hardware], 'read-back'), {
        do: 'read-back-own',
      }),
    ),
    // Only now can somebody quote registers without their caps: nobody else was there to do it.
    phase('seal', { do: 'quote-before-caps' }, { do: 'cap-pcr' }, { do: 'quote-pcrs' }),
    // Two kernels must not drive one TPM: it is let go before dom0 runs.
    phase('hand over', ...each(hardware, 'hand-over'), { do: 'release-tpm' }),
    // Before anybody runs, what domB may do to the domains that it built comes to its end: they get the labels that they run under.
    phase(
      'start',
      ...each(domains, 'label-domain'),
      ...each(
        domains.filter(({ channels }) => channels.length > 0),
        'connect-domain',
      ),
      { do: 'look-again' },
      ...each(started, 'start-domain'),
    ),
    // Nothing can be measured any more, and these scripts can change nothing.
    ...runScripts(scripts, 'after_start'),
    phase('leave', ...unlimit, { do: 'leave' }),
  ];
}

/** The whole boot as one list of phases. */
export const plan = (manifest: Manifest, parts: ImageParts): readonly Phase[] => [
  ...bringUp,
  ...read(parts),
  ...prepare(manifest),
  ...launch(manifest),
];
