import { binaryDigest, digest, type HashAlgorithm, hashId, hashSize } from 'node-tpm2-pts';
import { EVENT_TYPE, EventLogError, type LogEvent } from './format.ts';

/** DRTM PCRs hold ones until a dynamic launch resets them. TCG PC Client Platform TPM Profile 1.05, 4.6.2. */
const FIRST_DRTM_PCR = 17;
const LAST_DRTM_PCR = 22;

const STARTUP_LOCALITY = Buffer.from('StartupLocality\0', 'latin1');

/** What a PCR holds after TPM2_Startup(CLEAR). */
export function initialValue(bank: HashAlgorithm, pcr: number): Buffer {
  const ones = pcr >= FIRST_DRTM_PCR && pcr <= LAST_DRTM_PCR;
  return Buffer.alloc(hashSize(bank), ones ? 0xff : 0x00);
}

/** PCR.new = H(PCR.old || digest). TPM 2.0 Library, Part 1, "Extend of a PCR". */
export function extend(bank: HashAlgorithm, value: Uint8Array, by: Uint8Array): Buffer {
  return digest(bank, value, by);
}

/**
 * The values that one bank's PCRs must have if these events, and nothing else, were extended since the TPM was reset.
 * PCRs without an event are absent, so that "nothing was compared" cannot look like success.
 * @throws {EventLogError} when an event has no digest for this bank: its PCR could never replay
 */
export function replay(events: readonly LogEvent[], bank: HashAlgorithm): Map<number, Buffer> {
  const [id, size] = [hashId(bank), hashSize(bank)];
  // Logs are long: each PCR has one buffer, its value in front and the next digest behind.
  const states = new Map<number, Buffer>();
  for (const [index, event] of events.entries()) {
    if (event.type === EVENT_TYPE.NO_ACTION) {
      applyNoAction(event, bank, states);
      continue;
    }
    const by = event.digests.get(id);
    if (by === undefined) {
      throw new EventLogError(`event ${index + 1} (PCR ${event.pcr}) has no ${bank} digest`);
    }
    const state = states.get(event.pcr) ?? initialState(bank, event.pcr);
    if (by.length !== size)
      throw new EventLogError(`event ${index + 1}: a ${bank} digest of ${by.length} bytes`);
    by.copy(state, size);
    state.write(binaryDigest(bank, state), 'latin1');
    states.set(event.pcr, state);
  }
  return new Map([...states].map(([pcr, state]) => [pcr, Buffer.from(state.subarray(0, size))]));
}

function initialState(bank: HashAlgorithm, pcr: number): Buffer {
  return Buffer.concat([initialValue(bank, pcr), Buffer.alloc(hashSize(bank))]);
}

/**
 * EV_NO_ACTION extends nothing. One such event matters: TPM2_Startup from another locality, which becomes the last
 * byte of PCR 0's initial value. PFP 10.4.5.3.
 */
function applyNoAction(event: LogEvent, bank: HashAlgorithm, states: Map<number, Buffer>): void {
  const { data, pcr } = event;
  if (pcr !== 0 || data.length !== 17 || !data.subarray(0, 16).equals(STARTUP_LOCALITY)) return;
  if (states.has(0)) throw new EventLogError('StartupLocality comes after PCR 0 was extended');
  const state = initialState(bank, 0);
  state.writeUInt8(data.readUInt8(16), hashSize(bank) - 1);
  states.set(0, state);
}
