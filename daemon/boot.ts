import type { HardwareAccess } from '../bindings/hypervisor.ts';
import type {
  DomainSettings,
  Manifest,
  ScriptPoint,
  ScriptSettings,
} from '../boot-configs/manifest.ts';
import type { Operation, Phase } from './operations.ts';
import type { Place } from './recovery.ts';
import type { Settings } from './settings.ts';

/** What a boot image holds beside the manifest and its images. */
export type ImageParts = Pick<Settings, 'policy' | 'signed'>;

/**
 * The boot, in the order it happens. What comes before the manifest is read stands in `bringUp`; what the manifest
 * decides comes from `prepare`, as far as scripts may still change it, and from `launch`. They are pure functions;
 * `execute.ts` runs what they give, and `steps.ts` says how each operation is done.
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

/** What comes before the plan is final: a failed boot can end in its recovery from here on, and scripts may change the rest. */
export function prepare(manifest: Manifest): readonly Phase[] {
  const { recovery, scripts } = manifest;
  const { limit } = watchdog(manifest);
  return [
    // What a failed boot may end in is checked and measured first.
    ...(recovery ? [phase('arm', ...limit, ...armed(recovery, recoveryRegisters(manifest)))] : []),
    // All are measured and checked before the first one runs.
    ...(scripts.length > 0
      ? [
          phase(
            'scripts',
            ...when(recovery === undefined, ...limit),
            ...scripts.map((script): Operation => ({ do: 'measure-script', script })),
            { do: 'check-scripts', scripts },
          ),
        ]
      : []),
    ...runScripts(scripts, 'before_planning'),
  ];
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
): readonly Phase[] {
  const { domains, scripts } = manifest;
  const { limit, unlimit } = watchdog(manifest);
  const opened = [written.platform.measurement.pcr, ...recoveryRegisters(written)];
  const hardware = domains.filter((domain) => domain.capabilities.includes('hardware'));
  const others = domains.filter((domain) => !domain.capabilities.includes('hardware'));
  // The others stay paused, for dom0 to start them.
  const started = domains.filter((domain) => domain.autostart);
  return [
    phase(
      'check',
      ...when(prepare(manifest).length === 0, ...limit),
      { do: 'check-memory' },
      ...each(domains, 'check-domain'),
      ...furtherRegisters(written.domains, opened).map(openRegister),
    ),
    // Everything that will run is in the log and in the PCR before the first domain exists.
    phase('measure', { do: 'measure-configuration' }, ...written.domains.flatMap(measurements)),
    // What differs at each boot goes into a register of its own, so that the first one can be predicted.
    phase('identify', ...each(domains, 'identify-domain'), { do: 'make-key' }),
    // Under FLASK an event channel needs an existing peer, so all domains are created first.
    // The hardware domain comes last: it takes all devices that were not given away before.
    phase(
      'create',
      ...each(others, 'create-domain'),
      ...(access ? [{ do: 'restrict-hardware', access } as const] : []),
      ...each(hardware, 'create-domain'),
    ),
    ...runScripts(scripts, 'after_create'),
    // As long as the hardware domain has no memory, a recovery domain can be built in its place.
    phase('build', ...each([...others, ...hardware], 'build-domain')),
    ...runScripts(scripts, 'before_start'),
    phase('seal', { do: 'cap-pcr' }, { do: 'quote-pcrs' }),
    // Two kernels must not drive one TPM: it is let go before dom0 runs.
    phase('hand over', ...each(hardware, 'hand-over'), { do: 'release-tpm' }),
    phase('start', ...each(started, 'start-domain')),
    // Nothing can be measured any more, and these scripts can change nothing.
    ...runScripts(scripts, 'after_start'),
    phase('leave', ...unlimit, { do: 'leave' }),
  ];
}

/** What a failed boot leaves for its recovery. */
export interface Remains {
  /** Domains that were created; the hardware domain, which has to stay, is not among them. */
  domains: readonly DomainSettings[];
  /** Whether the hardware domain is there, without memory. */
  place: Place;
  /** Whether the key that quotes this boot was measured. */
  keyMade: boolean;
}

/**
 * How a failed boot goes on into its recovery domain. The failure is in the PCR, and the PCR capped, before the domain
 * exists, so that it runs under no value that anything good was sealed to.
 */
export function recover(
  manifest: Manifest,
  { domains, place, keyMade }: Remains,
): readonly Phase[] {
  const { recovery } = manifest;
  if (!recovery) throw new Error('there is no recovery domain');
  const { limit, unlimit } = watchdog(manifest);
  const domain = recovery;
  return [
    phase('clear away', ...limit, ...each(domains, 'destroy-domain')),
    phase(
      'seal the failure',
      { do: 'identify-domain', domain },
      ...when(!keyMade, { do: 'make-key' }),
      { do: 'record-failure' },
      { do: 'quote-pcrs' },
    ),
    phase(
      'recover',
      { do: place === 'free' ? 'create-domain' : 'reuse-domain', domain },
      { do: 'build-domain', domain },
      { do: 'hand-over', domain },
      { do: 'release-tpm' },
      { do: 'start-domain', domain },
    ),
    phase('leave', ...unlimit, { do: 'leave' }),
  ];
}

/** The whole boot as one list of phases. */
export const plan = (manifest: Manifest, parts: ImageParts): readonly Phase[] => [
  ...bringUp(parts),
  ...prepare(manifest),
  ...launch(manifest),
];

/** Xen ends a boot that takes too long, whatever hangs. */
function watchdog({ platform }: Manifest): { limit: Operation[]; unlimit: Operation[] } {
  const { timeoutSeconds: seconds } = platform;
  if (seconds === undefined) return { limit: [], unlimit: [] };
  return { limit: [{ do: 'set-watchdog', seconds }], unlimit: [{ do: 'stop-watchdog' }] };
}

function armed(domain: DomainSettings, registers: readonly number[]): Operation[] {
  return [
    { do: 'check-domain', domain },
    ...registers.map(openRegister),
    ...measurements(domain),
    { do: 'arm-recovery', domain },
  ];
}

function runScripts(scripts: readonly ScriptSettings[], point: ScriptPoint): Phase[] {
  const due = scripts.filter(({ at }) => at === point);
  if (due.length === 0) return [];
  const runs = due.map((script): Operation => ({ do: 'run-script', script }));
  return [phase(point.replace('_', ' '), ...runs)];
}

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

/** Registers that domains want for their images, but for those that are open already. */
function furtherRegisters(domains: readonly DomainSettings[], open: readonly number[]): number[] {
  const pcrs = new Set(domains.map(({ measurement }) => measurement.pcr));
  return [...pcrs].filter((pcr) => !open.includes(pcr)).sort((a, b) => a - b);
}

const recoveryRegisters = ({ platform, recovery }: Manifest): number[] =>
  furtherRegisters(recovery ? [recovery] : [], [platform.measurement.pcr]);

const openRegister = (pcr: number): Operation => ({ do: 'open-register', pcr });

function measurements(domain: DomainSettings): Operation[] {
  // A ramdisk of one segment is simply the ramdisk.
  const segments = domain.ramdisk.map((_, segment): Operation => {
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
