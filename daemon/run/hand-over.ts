import { X509Certificate } from 'node:crypto';
import { cpio } from '../../initramfs/cpio.ts';
import { EventLogError } from '../../measurement/event-log/format.ts';
import { appendEvents } from '../../measurement/event-log/merge.ts';
import { type EvidenceLogs, evidenceFiles, logFiles } from '../../measurement/evidence/evidence.ts';
import { type MeasuredLog, readMeasurementLog } from '../../measurement/evidence/read-log.ts';
import { jsonRecords } from '../../measurement/formats/json-records.ts';
import { listing } from '../../measurement/formats/listing.ts';
import { ROOM_FOR_SCRIPT } from '../scripts/script-api.ts';
import { handoverRecord } from './record.ts';
import { type BootState, present } from './state.ts';
import { failureText } from './step-failure.ts';

/** The binary log, JSON records, a listing, the platform's log: some are longer than the first. */
const LOG_FORMS = 6;
/** What is measured of a domain once it is built: the hardware domain's ranges are some tens, and a name for each PCI device. */
const ROOM_FOR_READ_BACK = 8 * 1024;

/**
 * Bytes to reserve in front of dom0's ramdisk, a whole number of pages. Nearly everything is measured before anything is
 * built, so the logs are known but for the caps and what scripts still do; the daemon's own log and the record grow with the
 * number of domains.
 */
export function handoverCapacity(state: BootState): number {
  const perDomain = 16 * 1024 + LOG_FORMS * ROOM_FOR_READ_BACK;
  const firmware = state.firmwareLog?.length ?? 0;
  const wanted =
    256 * 1024 +
    // As it is, and in the merged log.
    2 * firmware +
    LOG_FORMS * state.measurements.bytes().length +
    LOG_FORMS * state.bootMeasurements.bytes().length +
    2 * state.log.text().length +
    ROOM_FOR_SCRIPT * state.manifest.scripts.length +
    // Scripts may still read them.
    6 * JSON.stringify(state.facts).length +
    perDomain * state.manifest.domains.length;
  return Math.ceil(wanted / 4096) * 4096;
}

/**
 * The archive that dom0's kernel unpacks in front of its own initramfs: the log in all its forms, the boot quote, the
 * record and the daemon's own log. None of it is measured: quote and log are checked against each other and against
 * the TPM, and the rest is a convenience that proves nothing.
 */
export function handoverArchive(state: BootState): Buffer {
  const logs = state.missingKey ? logsOf(state) : present(state.evidence, 'boot quote');
  const files = state.evidence ? evidenceFiles(state.evidence) : logFiles(logs);
  // In an archive, paths are relative.
  const parts = state.manifest.platform.handover.directory.split('/').slice(1);
  const directories = parts.map((_, depth) => parts.slice(0, depth + 1).join('/'));
  const file = (name: string, data: Uint8Array) =>
    ({ path: `${directories.at(-1)}/${name}`, type: 'file', mode: 0o444, data }) as const;
  const log = readMeasurementLog(logs.log);
  const platformLog = mergedLog(state, log, logs);
  return cpio([
    ...directories.map((path) => ({ path, type: 'directory' }) as const),
    ...[...files].map(([name, bytes]) => file(name, bytes)),
    file('measurement.json', Buffer.from(jsonRecords(log.records))),
    file('measurement.txt', Buffer.from(listing(log))),
    ...(platformLog ? [file('platform.log', platformLog)] : []),
    ...authorities(state).map((pem) => file('vtpm-authority.pem', pem)),
    file('record.json', Buffer.from(`${JSON.stringify(handoverRecord(state), null, 2)}\n`)),
    // For an init that has no more than cat.
    ...(state.failure ? [file('failure.txt', Buffer.from(`${failureText(state.failure)}\n`))] : []),
    file('daemon.log', Buffer.from(state.log.text())),
  ]);
}

/** The certificates of those that vouch for guests' TPMs in this boot, in one file; none where nobody does. */
function authorities({ authorities }: BootState): Buffer[] {
  const all = [...authorities.values()].map(({ certificate }) =>
    new X509Certificate(certificate).toString(),
  );
  return all.length === 0 ? [] : [Buffer.from(all.join(''))];
}

/** What is handed over where there was no key for a boot quote. */
function logsOf({ measurements, bootMeasurements, firmwareLog }: BootState): EvidenceLogs {
  return {
    log: measurements.bytes(),
    bootLog: bootMeasurements.bytes(),
    ...(firmwareLog ? { firmwareLog } : {}),
  };
}

/** One log from reset to the platform's start: the firmware's, then both of ours. */
function mergedLog(
  state: BootState,
  log: MeasuredLog,
  { bootLog }: EvidenceLogs,
): Buffer | undefined {
  if (!state.firmwareLog) return undefined;
  const boot = bootLog ? readMeasurementLog(bootLog).records : [];
  try {
    return appendEvents(state.firmwareLog, [...log.records, ...boot]);
  } catch (error) {
    // A firmware log that cannot be continued is no reason not to boot: ours stand for themselves.
    if (!(error instanceof EventLogError)) throw error;
    state.log.logger.warn(`no merged log: ${error.message}`);
    return undefined;
  }
}
