import { canonicalJson } from '../canonical-json.ts';
import type { LogEvent } from '../event-log/format.ts';
import { BankReplay, initialValue } from '../event-log/replay.ts';
import type { MeasuredEvent } from '../events.ts';
import type { CheckedLog, MeasuredLog } from '../evidence/read-log.ts';

const LONGEST = 100;

/** A log for people: one line for each event, then the values that its PCRs must have in each bank. */
export function listing(log: MeasuredLog): string {
  const rows = () => log.records.map((record, index) => ({ record, event: log.events[index] }));
  return [...listingLines(log, rows)].join('');
}

/** An event of a measurement log; a cap describes nothing. */
interface Row {
  readonly record: LogEvent;
  readonly event: MeasuredEvent | undefined;
}

/** The same line by line, for logs that are not to be held in memory: `rows` are asked for afresh for each pass over them. */
export function* listingLines(
  { target: { banks }, pcrs, capped }: CheckedLog,
  rows: () => Iterable<Row>,
): Generator<string, void> {
  const values = new Map(banks.map((bank) => [bank, new BankReplay(bank)]));
  const counts = new Map<number, number>();
  const name = (event: MeasuredEvent | undefined) => event?.event ?? 'cap';
  let [widestName, widestRegister] = [0, 0];
  for (const { record, event } of rows()) {
    counts.set(record.pcr, (counts.get(record.pcr) ?? 0) + 1);
    widestName = Math.max(widestName, name(event).length);
    widestRegister = Math.max(widestRegister, String(record.pcr).length);
  }
  const digits = String(Math.max(...counts.values()) - 1).length;
  const before = new Map<number, number>();
  for (const { record, event } of rows()) {
    const { pcr } = record;
    const sequence = before.get(pcr) ?? 0;
    before.set(pcr, sequence + 1);
    for (const bank of values.values()) bank.take(record);
    const register = pcrs.length > 1 ? [`PCR ${pcr}`.padEnd(widestRegister + 4)] : [];
    const what = event ? describe(event) : 'nothing follows';
    const cells = [String(sequence).padStart(digits), ...register, name(event).padEnd(widestName)];
    yield `${[...cells, what].join('  ').trimEnd()}\n`;
  }
  const widest = Math.max(...banks.map((bank) => bank.length));
  const state = capped ? '' : ', not capped: measuring was not finished';
  const replayed = new Map([...values].map(([bank, replay]) => [bank, replay.pcrs()]));
  for (const pcr of pcrs) {
    yield `PCR ${pcr} after ${counts.get(pcr) ?? 0} events${state}\n`;
    for (const [bank, byPcr] of replayed) {
      const value = byPcr.get(pcr) ?? initialValue(bank, pcr);
      yield `  ${bank.padEnd(widest)}  ${value.toString('hex')}\n`;
    }
  }
}

/** What happened in an event, in escaped ASCII. */
export function describe(event: MeasuredEvent): string {
  switch (event.event) {
    case 'manifest':
    case 'policy':
      return content(event);
    case 'daemon':
      return escaped(`version ${event.version}`);
    case 'signature-key':
      return contentDigests(event.digests);
    case 'hypervisor':
      return escaped(`Xen ${event.version}, DMA ${event.dma}, ${event.commandLine}`);
    case 'identity':
      return escaped(`${event.domain}: domid ${event.domid}, ${event.uuid}`);
    case 'vtpm-authority':
      return escaped(`for the TPMs that ${event.domain} serves: ${event.publicKey}`);
    case 'script':
      return `${escaped(event.script)} at ${event.at}, ${content(event)}`;
    case 'script-action':
      return shortened(
        `${escaped(`${event.script}: ${event.action}`)} ${canonicalJson(event.arguments)}`,
      );
    case 'machine-fact':
      return shortened(
        `${escaped(`${event.script} read ${event.fact}:`)} ${canonicalJson(event.value)}`,
      );
    case 'read-back': {
      const unread = event.unread.length === 0 ? '' : ` (not read: ${event.unread.join(', ')})`;
      const who = event.domain ?? 'the boot domain';
      return shortened(escaped(`${who} has${unread}: `) + canonicalJson(event.has));
    }
    case 'attestation-key':
      return event.name === undefined ? `none: ${event.missing}` : `Name ${event.name}`;
    case 'image':
      return `${escaped(event.domain)} ${event.component}${segment(event.segment)}, ${content(event)}`;
    case 'configuration':
      return shortened(canonicalJson(event.configuration));
    case 'domain': {
      const role = event.role === undefined ? '' : ', only when the boot fails';
      const rights = event.capabilities.length > 0 ? `, ${event.capabilities.join(' ')}` : '';
      const where = event.pcr === undefined ? '' : `, images in PCR ${event.pcr}`;
      const left = event.unmeasured ? `, NOT measured: ${event.unmeasured.join(' ')}` : '';
      return escaped(
        `${event.domain}: domid ${event.domid}, ${event.type}, ${event.seclabel}${rights}${role}${where}${left}`,
      );
    }
    case 'error': {
      const where = [event.phase, event.domain].filter((part) => part !== undefined).join(', ');
      return escaped(where ? `${where}: ${event.what}` : event.what);
    }
  }
}

function content({ size, digests }: { size: number; digests: object }): string {
  return `${size} bytes, ${contentDigests(digests)}`;
}

function contentDigests(digests: object): string {
  const list = Object.entries(digests).map(([algorithm, hex]) => `${algorithm}:${hex}`);
  return list.join(' ');
}

export function shortened(text: string, most = LONGEST): string {
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}

/** Text of unknown origin goes to a terminal: whatever is not escaped ASCII is escaped. */
export function escaped(text: string): string {
  return canonicalJson(text).slice(1, -1);
}

const segment = (index: number | undefined) => (index === undefined ? '' : `[${index}]`);
