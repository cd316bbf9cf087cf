import { type PcrValues, type PublicArea, policyAkTemplate, TPM_RH } from 'node-tpm2-pts';
import { EVENT_TYPE } from '../../measurement/event-log/format.ts';
import { parseEventLog } from '../../measurement/event-log/parse.ts';
import { type BootQuote, bootKeyTemplate } from '../../measurement/evidence/boot-key.ts';
import { bootNonce, type Evidence, FIRMWARE_PCRS } from '../../measurement/evidence/evidence.ts';
import { registerValues } from '../../measurement/predict.ts';
import { logOf } from './evidence.ts';
import { type AttestOverrides, SoftwareAk } from './software-ak.ts';

/** What differs from the boot quote that a TPM would give before the caps. */
export interface BootQuoteChanges {
  /** Who certifies the boot key. */
  certifier?: SoftwareAk;
  /** The values that the key's policy is about. */
  policy?: PcrValues;
  change?: (area: PublicArea) => PublicArea;
  /** The boot key's hierarchy. */
  parent?: number;
  certification?: AttestOverrides;
  quote?: AttestOverrides;
  /** The values that the boot key quotes. */
  quoted?: PcrValues;
}

/** The evidence's registers and logs as they were before the caps. */
export function beforeCaps({ log, bootLog, pcrs }: Evidence): { pcrs: PcrValues; nonce: Buffer } {
  const before: PcrValues = new Map(
    [...pcrs].map(([bank, values]) => [
      bank,
      new Map([...values].filter(([pcr]) => FIRMWARE_PCRS.includes(pcr))),
    ]),
  );
  const cut = (bytes: Buffer) => {
    const { events, algorithms } = parseEventLog(bytes);
    const banks = algorithms.flatMap(({ name }) => name ?? []);
    const rest = events.filter(({ type }) => type !== EVENT_TYPE.SEPARATOR);
    const capped = events.filter((event) => !rest.includes(event)).map(({ pcr }) => pcr);
    for (const [bank, values] of registerValues(rest, capped, banks)) {
      for (const [pcr, value] of values) before.get(bank)?.set(pcr, value);
    }
    return logOf(rest, banks);
  };
  const logs = { log: cut(log), ...(bootLog ? { bootLog: cut(bootLog) } : {}) };
  // As a TPM hashes them.
  const ascending = [...before].map(
    ([bank, values]) => [bank, new Map([...values].sort(([a], [b]) => a - b))] as const,
  );
  return { pcrs: new Map(ascending), nonce: bootNonce(logs) };
}

/** The boot quote that a TPM with the key `ak` would give for this evidence, or another with `changes`. */
export function bootQuoteOf(
  evidence: Evidence,
  ak: SoftwareAk,
  changes: BootQuoteChanges = {},
): BootQuote {
  const { pcrs, nonce } = beforeCaps(evidence);
  const template = bootKeyTemplate(changes.policy ?? pcrs) ?? policyAkTemplate(Buffer.alloc(32));
  const change = changes.change ?? ((area) => area);
  const key = new SoftwareAk(
    (area) =>
      change({
        ...template,
        // The point of a key that is there; all else as in the template.
        key: { ...template.key, ...pointOf(area) } as PublicArea['key'],
      }),
    changes.parent ?? TPM_RH.NULL,
  );
  return {
    key: key.publicArea,
    certification: (changes.certifier ?? ak).certify(key, { nonce, ...changes.certification }),
    quote: key.quote(changes.quoted ?? pcrs, { nonce, ...changes.quote }),
  };
}

function pointOf({ key }: PublicArea): { x?: Buffer; y?: Buffer } {
  return key.type === 'ecc' ? { x: key.x, y: key.y } : {};
}

/** The evidence with the boot quote that belongs to it. */
export function withBootQuote(evidence: Evidence, ak: SoftwareAk): Evidence {
  return { ...evidence, bootQuote: bootQuoteOf(evidence, ak) };
}
