import type { ManifestOperation, OpeningOperation, ReadingOperation } from '../plan/operations.ts';
import type { BootState, EarlyState, OpenState } from './state.ts';
import type { Steps } from './step.ts';
import { checkDomain, checkMemory } from './steps/check.ts';
import { dispensable } from './steps/dispensable.ts';
import {
  buildDomain,
  connectDomain,
  createDomain,
  destroyDomain,
  labelDomain,
  reuseDomain,
  startDomain,
} from './steps/domains.ts';
import { handOver } from './steps/hand-over.ts';
import { checkHypervisor, identifyHypervisor } from './steps/hypervisor.ts';
import { identifyDomain, makeAuthority, makeKey } from './steps/identify.ts';
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
  noteFailure,
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
import { quoteBeforeCaps, quotePcrs } from './steps/quote.ts';
import {
  lookAgain,
  noOtherDomains,
  noteHardware,
  readBack,
  readBackOwn,
} from './steps/read-back.ts';
import {
  checkBootScripts,
  lookAtMachine,
  measureScript,
  restrictHardware,
  runBootScript,
} from './steps/scripts.ts';
import { openVtpmKey } from './steps/vtpm-key.ts';
import { setWatchdog, stopWatchdog } from './steps/watchdog.ts';

/**
 * Exactly one executor for each kind of operation: the compiler refuses a missing or a second one, and one that needs more
 * than is there by then.
 */
export const openingSteps: Steps<OpeningOperation, EarlyState> = {
  'mount-filesystems': mountFilesystems,
  'load-modules': loadModules,
  'open-tpm': openTpm,
  'open-log': openLog,
  'open-hypervisor': openHypervisor,
  'require-flask': requireFlask,
};

export const readingSteps: Steps<ReadingOperation, OpenState> = {
  'measure-daemon': measureDaemon,
  'measure-policy': measurePolicy,
  'load-policy': loadPolicy,
  'measure-signature-key': measureSignatureKey,
  'measure-manifest': measureManifest,
  'verify-signature': verifyManifestSignature,
  'read-manifest': readManifest,
};

export const manifestSteps: Steps<ManifestOperation, BootState> = {
  'measure-script': measureScript,
  'check-scripts': checkBootScripts,
  'look-at-machine': lookAtMachine,
  'run-script': runBootScript,
  'set-watchdog': setWatchdog,
  'stop-watchdog': stopWatchdog,
  'check-hypervisor': checkHypervisor,
  'check-memory': checkMemory,
  'check-domain': checkDomain,
  'arm-recovery': armRecovery,
  'open-register': openRegister,
  'measure-configuration': measureConfiguration,
  'measure-domain': measureDomain,
  'measure-image': measureImage,
  'identify-hypervisor': identifyHypervisor,
  'identify-domain': identifyDomain,
  'make-authority': makeAuthority,
  'make-key': makeKey,
  'open-vtpm-key': openVtpmKey,
  'note-hardware': noteHardware,
  'restrict-hardware': restrictHardware,
  'create-domain': dispensable(createDomain),
  'build-domain': dispensable(buildDomain),
  'destroy-domain': destroyDomain,
  'reuse-domain': reuseDomain,
  'note-failure': noteFailure,
  'record-failure': recordFailure,
  'list-domains': noOtherDomains,
  'read-back': readBack,
  'read-back-own': readBackOwn,
  'quote-before-caps': quoteBeforeCaps,
  'cap-pcr': capPcr,
  'quote-pcrs': quotePcrs,
  'hand-over': handOver,
  'release-tpm': releaseTpm,
  'label-domain': labelDomain,
  'connect-domain': connectDomain,
  'start-domain': startDomain,
  'look-again': lookAgain,
  leave,
};
