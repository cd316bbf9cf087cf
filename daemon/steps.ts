import type { Operation, OperationKind } from './operations.ts';
import type { BootState } from './state.ts';
import { checkDomain, checkMemory } from './steps/check.ts';
import { dispensable } from './steps/dispensable.ts';
import {
  buildDomain,
  createDomain,
  destroyDomain,
  reuseDomain,
  startDomain,
} from './steps/domains.ts';
import { handOver } from './steps/hand-over.ts';
import { identifyDomain, makeKey } from './steps/identify.ts';
import { leave, releaseTpm } from './steps/leave.ts';
import { readManifest, verifyManifestSignature } from './steps/manifest.ts';
import {
  armRecovery,
  capPcr,
  measureConfiguration,
  measureDaemon,
  measureDomain,
  measureImage,
  measureManifest,
  measurePolicy,
  measureSignatureKey,
  recordFailure,
} from './steps/measure.ts';
import {
  loadModules,
  loadPolicy,
  mountFilesystems,
  openHypervisor,
  openLog,
  openRegister,
  openTpm,
  requireFlask,
} from './steps/open.ts';
import { quotePcrs } from './steps/quote.ts';
import {
  checkBootScripts,
  measureScript,
  restrictHardware,
  runBootScript,
} from './steps/scripts.ts';
import { setWatchdog, stopWatchdog } from './steps/watchdog.ts';

/** Carries out one operation and says in a few words what it did. */
export type Step<O extends Operation> = (
  state: BootState,
  operation: O,
) => string | Promise<string>;

/** Exactly one executor for each kind of operation: the compiler refuses a missing or a second one. */
const steps: { [K in OperationKind]: Step<Extract<Operation, { do: K }>> } = {
  'mount-filesystems': mountFilesystems,
  'load-modules': loadModules,
  'open-tpm': openTpm,
  'open-log': openLog,
  'open-hypervisor': openHypervisor,
  'require-flask': requireFlask,
  'measure-daemon': measureDaemon,
  'measure-policy': measurePolicy,
  'load-policy': loadPolicy,
  'measure-signature-key': measureSignatureKey,
  'measure-manifest': measureManifest,
  'verify-signature': verifyManifestSignature,
  'read-manifest': readManifest,
  'measure-script': measureScript,
  'check-scripts': checkBootScripts,
  'run-script': runBootScript,
  'set-watchdog': setWatchdog,
  'stop-watchdog': stopWatchdog,
  'check-memory': checkMemory,
  'check-domain': checkDomain,
  'arm-recovery': armRecovery,
  'open-register': openRegister,
  'measure-configuration': measureConfiguration,
  'measure-domain': measureDomain,
  'measure-image': measureImage,
  'identify-domain': identifyDomain,
  'make-key': makeKey,
  'restrict-hardware': restrictHardware,
  'create-domain': dispensable(createDomain),
  'build-domain': dispensable(buildDomain),
  'destroy-domain': destroyDomain,
  'reuse-domain': reuseDomain,
  'record-failure': recordFailure,
  'cap-pcr': capPcr,
  'quote-pcrs': quotePcrs,
  'hand-over': handOver,
  'release-tpm': releaseTpm,
  'start-domain': startDomain,
  leave,
};

export function performStep(operation: Operation, state: BootState): string | Promise<string> {
  // The map's type ties each key to its operation; TypeScript cannot follow that through an index.
  const step = steps[operation.do] as Step<Operation>;
  return step(state, operation);
}
