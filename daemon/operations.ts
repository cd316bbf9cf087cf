import type { HardwareAccess } from '../bindings/hypervisor.ts';
import type { DomainSettings, ImageComponent, ScriptSettings } from '../boot-configs/manifest.ts';

/**
 * Everything a boot can do, as a closed type. An operation is a plain value: it can be printed, compared and
 * checked before anything happens. `steps.ts` holds exactly one executor for each kind.
 */
export type Operation =
  | { do: 'mount-filesystems' }
  | { do: 'load-modules' }
  | { do: 'open-tpm' }
  | { do: 'open-log' }
  | { do: 'open-hypervisor' }
  | { do: 'require-flask' }
  | { do: 'measure-daemon' }
  | { do: 'measure-policy' }
  | { do: 'load-policy' }
  | { do: 'measure-signature-key' }
  | { do: 'measure-manifest' }
  | { do: 'verify-signature' }
  | { do: 'read-manifest' }
  | { do: 'measure-script'; script: ScriptSettings }
  | { do: 'check-scripts'; scripts: readonly ScriptSettings[] }
  | { do: 'run-script'; script: ScriptSettings }
  | { do: 'set-watchdog'; seconds: number }
  | { do: 'stop-watchdog' }
  | { do: 'check-memory' }
  | { do: 'check-domain'; domain: DomainSettings }
  | { do: 'arm-recovery'; domain: DomainSettings }
  | { do: 'open-register'; pcr: number }
  | { do: 'measure-configuration' }
  | { do: 'measure-domain'; domain: DomainSettings }
  | { do: 'measure-image'; domain: DomainSettings; component: ImageComponent; segment?: number }
  | { do: 'identify-domain'; domain: DomainSettings }
  | { do: 'make-key' }
  | { do: 'restrict-hardware'; access: HardwareAccess }
  | { do: 'create-domain'; domain: DomainSettings }
  | { do: 'build-domain'; domain: DomainSettings }
  | { do: 'destroy-domain'; domain: DomainSettings }
  | { do: 'reuse-domain'; domain: DomainSettings }
  | { do: 'record-failure' }
  | { do: 'cap-pcr' }
  | { do: 'quote-pcrs' }
  | { do: 'hand-over'; domain: DomainSettings }
  | { do: 'release-tpm' }
  | { do: 'start-domain'; domain: DomainSettings }
  | { do: 'leave' };

export type OperationKind = Operation['do'];

/** Operations that belong together; the log and the timeline speak of phases. */
export interface Phase {
  name: string;
  operations: readonly Operation[];
}

type MeasureImage = Extract<Operation, { component: ImageComponent }>;

/** `kernel`, `ramdisk`, or `ramdisk[1]` where the ramdisk has several segments. */
export function componentName({ component, segment }: Omit<MeasureImage, 'do' | 'domain'>): string {
  return segment === undefined ? component : `${component}[${segment}]`;
}

/** The path of the image that an operation measures; undefined for a command line, which is none. */
export function imagePath({ domain, component, segment = 0 }: MeasureImage): string | undefined {
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
  return operation.do === 'hand-over'
    ? `hand over to ${operation.domain.name}`
    : `${verb} ${operation.domain.name}${component}`;
}
