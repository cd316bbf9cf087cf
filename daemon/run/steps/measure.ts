import type { ContentAlgorithm, MeasuredItem } from '../../../measurement/events.ts';
import { BootFailure } from '../../plan/failure.ts';
import { errorDetails, measuredItem } from '../../plan/measured-items.ts';
import { componentName, measuredImagePath, type Operation } from '../../plan/operations.ts';
import { paths } from '../../plan/settings.ts';
import type { BootState, OpenState } from '../state.ts';

type Of<K extends Operation['do']> = Extract<Operation, { do: K }>;

export async function measureDaemon(
  state: OpenState,
  operation: Of<'measure-daemon'>,
): Promise<string> {
  return record(state, await measuredItem(operation, state.sources));
}

export async function measurePolicy(
  state: OpenState,
  operation: Of<'measure-policy'>,
): Promise<string> {
  return record(state, await measuredItem(operation, state.sources));
}

export async function measureSignatureKey(
  state: OpenState,
  operation: Of<'measure-signature-key'>,
): Promise<string> {
  return record(state, await measuredItem(operation, state.sources));
}

export async function measureManifest(
  state: OpenState,
  operation: Of<'measure-manifest'>,
): Promise<string> {
  state.manifestBytes = await state.machine.readFile(paths.manifest);
  return record(state, await measuredItem(operation, state.sources));
}

export async function measureConfiguration(
  state: BootState,
  operation: Of<'measure-configuration'>,
): Promise<string> {
  await record(state, await measuredItem(operation, state.sources));
  return 'defaults applied, units resolved';
}

export async function measureDomain(
  state: BootState,
  operation: Of<'measure-domain'>,
): Promise<string> {
  const item = await measuredItem(operation, state.sources);
  await record(state, item);
  const { domain } = operation;
  if (item.event !== 'domain' || !item.unmeasured)
    return `domid ${domain.domid}, ${domain.seclabel}`;
  state.log.logger.warn(
    `${domain.name}: the manifest leaves unmeasured: ${item.unmeasured.join(', ')}`,
  );
  return `domid ${domain.domid}, ${domain.seclabel}`;
}

export async function measureImage(
  state: BootState,
  operation: Of<'measure-image'>,
): Promise<string> {
  await refuseOther(operation, state);
  return record(state, await measuredItem(operation, state.sources));
}

/** Puts the item into the PCR and the log, and says what it was. */
export async function record({ measurements }: OpenState, item: MeasuredItem): Promise<string> {
  await measurements.measure(item);
  if (item.event === 'daemon') return `version ${item.version}`;
  if (!('size' in item)) return item.event;
  const [algorithm, digest] = Object.entries(item.digests)[0] ?? [];
  return `${item.size} bytes, ${algorithm}:${digest?.slice(0, 16)}…`;
}

/** Fails when the manifest pins a digest of this component and the bytes have another. */
async function refuseOther(operation: Of<'measure-image'>, state: BootState): Promise<void> {
  const { domain, component, segment = 0 } = operation;
  const { kernel, ramdisk } = domain.digests;
  const pinned = component === 'kernel' ? kernel : ramdisk?.[segment];
  const path = measuredImagePath(operation);
  if (path === undefined) return;
  await refuseOtherDigest(state, `${domain.name} ${componentName(operation)}`, path, pinned);
}

/** @param what names the file in the message */
export async function refuseOtherDigest(
  state: BootState,
  what: string,
  path: string,
  pinned: string | undefined,
): Promise<void> {
  if (pinned === undefined) return;
  const image = await state.image(path);
  const [algorithm, expected] = pinned.split(':') as [ContentAlgorithm, string];
  const found = image.digest(algorithm);
  if (found === expected) return;
  throw new BootFailure(
    `${what} (image ${path}): digest mismatch\n` +
      `  the manifest pins ${pinned}\n  the image has      ${algorithm}:${found}`,
    'put the right image into the boot image, or pin the new digest if the change is wanted',
  );
}

/** From here on a failure can end in the recovery domain. */
export function armRecovery(state: BootState, { domain }: Of<'arm-recovery'>): string {
  state.recoveryArmed = true;
  return `a boot that fails can end in ${domain.name}`;
}

/** Puts into the registers of the first log that the boot failed. */
export async function noteFailure(state: BootState): Promise<string> {
  const { measurements, failure } = state;
  if (!failure) throw new Error('a failure is measured before there is one');
  try {
    await measurements.error(errorDetails(failure));
  } catch {
    // It goes into the registers without the log, or nowhere.
    return recordFailure(state);
  }
  return `an error event is in PCR ${measurements.pcrs.join(', ')}`;
}

/** Caps both logs, the first one after an error event; a log that does not take that allows no recovery. */
export async function recordFailure(state: BootState): Promise<string> {
  const { measurements, bootMeasurements, failure } = state;
  if (!failure) throw new Error('a failure is recorded before there is one');
  const records = [await measurements.fail(errorDetails(failure)), await bootMeasurements.fail()];
  if (records.includes('unlogged')) {
    throw new BootFailure(
      'the failure is in the PCR, but not in the log',
      'see what keeps the log from being written: /run may be full',
    );
  }
  return `PCR ${measurements.target.pcr} is capped with an error event`;
}

export async function capPcr({ measurements, bootMeasurements }: BootState): Promise<string> {
  const logs = [measurements, bootMeasurements];
  for (const log of logs) await log.cap();
  const capped = logs.map(({ pcrs, events }) => {
    return `PCR ${pcrs.join(', ')} after ${events.length} events`;
  });
  return `${capped.join(', ')}, in ${measurements.target.banks.length} banks`;
}
