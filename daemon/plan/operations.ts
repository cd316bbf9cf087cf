import type { HardwareAccess } from '../../bindings/hypervisor.ts';
import type {
  DomainSettings,
  ImageComponent,
  ScriptSettings,
} from '../../boot-configs/manifest.ts';

/** What a boot does before it has everything that it works with. */
export type OpeningOperation =
  | { do: 'mount-filesystems' }
  | { do: 'load-modules' }
  | { do: 'open-tpm' }
  | { do: 'open-log' }
  | { do: 'open-hypervisor' }
  | { do: 'require-flask' };

/** What it does then until it knows its manifest. */
export type ReadingOperation =
  | { do: 'measure-daemon' }
  | { do: 'measure-policy' }
  | { do: 'load-policy' }
  | { do: 'measure-signature-key' }
  | { do: 'measure-manifest' }
  | { do: 'verify-signature' }
  | { do: 'read-manifest' };

/** What it does for its manifest. */
export type ManifestOperation =
  | { do: 'measure-script'; script: ScriptSettings }
  | { do: 'check-scripts'; scripts: readonly ScriptSettings[] }
  | { do: 'look-at-machine' }
  | { do: 'run-script'; script: ScriptSettings }
  | { do: 'set-watchdog'; seconds: number }
  | { do: 'stop-watchdog' }
  | { do: 'check-hypervisor' }
  | { do: 'check-memory' }
  | { do: 'check-domain'; domain: DomainSettings }
  | { do: 'arm-recovery'; domain: DomainSettings }
  | { do: 'open-register'; pcr: number }
  | { do: 'measure-configuration' }
  | { do: 'measure-domain'; domain: DomainSettings }
  | { do: 'measure-image'; domain: DomainSettings; component: ImageComponent; segment?: number }
  | { do: 'identify-hypervisor' }
  | { do: 'identify-domain'; domain: DomainSettings }
  | { do: 'make-authority'; domain: DomainSettings }
  | { do: 'make-key' }
  | { do: 'open-vtpm-key'; approver: string; label: string }
  | { do: 'note-hardware' }
  | { do: 'restrict-hardware'; access: HardwareAccess }
  | { do: 'create-domain'; domain: DomainSettings }
  | { do: 'build-domain'; domain: DomainSettings }
  | { do: 'destroy-domain'; domain: DomainSettings }
  | { do: 'reuse-domain'; domain: DomainSettings }
  | { do: 'note-failure' }
  | { do: 'record-failure' }
  | { do: 'list-domains' }
  | { do: 'read-back'; domain: DomainSettings }
  | { do: 'read-back-own' }
  | { do: 'quote-before-caps' }
  | { do: 'cap-pcr' }
  | { do: 'quote-pcrs' }
  | { do: 'hand-over'; domain: DomainSettings }
  | { do: 'release-tpm' }
  | { do: 'label-domain'; domain: DomainSettings }
  | { do: 'connect-domain'; domain: DomainSettings }
  | { do: 'start-domain'; domain: DomainSettings }
  | { do: 'look-again' }
  | { do: 'leave' };

/**
 * Everything a boot can do, as a closed type. An operation is a plain value: it can be printed, compared and
 * checked before anything happens. `run/steps.ts` holds exactly one executor for each kind.
 */
export type Operation = OpeningOperation | ReadingOperation | ManifestOperation;

/** Operations that belong together; the log and the timeline speak of phases. */
export interface Phase<O extends Operation = Operation> {
  name: string;
  operations: readonly O[];
  /** They only look: all are tried although some fail, so that one boot tells everything that is wrong. */
  checks?: true;
}

type MeasureImage = Extract<Operation, { component: ImageComponent }>;

/** `kernel`, `ramdisk`, or `ramdisk[1]` where the ramdisk has several segments. */
export function componentName({ component, segment }: Omit<MeasureImage, 'do' | 'domain'>): string {
  return segment === undefined ? component : `${component}[${segment}]`;
}

/** The path of the image that an operation measures; undefined for a command line, which is none. */
export function measuredImagePath({
  domain,
  component,
  segment = 0,
}: MeasureImage): string | undefined {
  if (component === 'cmdline') return undefined;
  const path = component === 'kernel' ? domain.kernel : domain.ramdisk[segment];
  if (path === undefined) throw new Error(`${domain.name} has no ${component}`);
  return path;
}

/** A name for people, unique within a plan: `build dom0`, `measure vtpm kernel`. */
export function nameOf(operation: Operation): string {
  const words = operation.do.replaceAll('-', ' ');
  if ('script' in operation) return `${words} ${operation.script.name}`;
  if ('pcr' in operation) return `${words} ${operation.pcr}`;
  if (!('domain' in operation)) return words;
  const verb = words.split(' ')[0];
  const component = 'component' in operation ? ` ${componentName(operation)}` : '';
  if (operation.do === 'hand-over') return `hand over to ${operation.domain.name}`;
  if (operation.do === 'read-back') return `read back ${operation.domain.name}`;
  return `${verb} ${operation.domain.name}${component}`;
}
