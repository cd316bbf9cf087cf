import type { HashAlgorithm } from 'node-tpm2-pts';
import type { AnyLog } from '../event-log/any-log.ts';
import { eventTypeName } from '../event-log/event-types.ts';
import {
  type EventLog,
  EventLogError,
  type LogAlgorithm,
  type LogEvent,
} from '../event-log/format.ts';
import { BankReplay } from '../event-log/replay.ts';
import { describeData, ownEvent } from './describe-data.ts';

/** Values of all PCRs that occur in a log, by bank. */
export type ReplayedPcrs = ReadonlyMap<HashAlgorithm, ReadonlyMap<number, Buffer>>;

/** What is listed: any log, or events that were predicted. */
export interface Listed extends Pick<AnyLog, 'registers' | 'algorithms'> {
  readonly form?: AnyLog['form'];
  readonly padding?: number;
  readonly problem?: EventLogError | undefined;
  events(): Iterable<LogEvent>;
}

/** A log that was read whole, or predicted, for listing. */
export const wholeLog = ({ algorithms, events }: EventLog): Listed => ({
  registers: 'PCR',
  algorithms,
  events: () => events,
});

/** Events for people, whatever machine they are of: one line for each, then the values that they give, then what is wrong. */
export function* eventLines(log: Listed): Generator<string, void> {
  const shown = shownBank(log.algorithms);
  const { registers, types, count } = widths(log);
  const banks = new Replay(log);
  let number = 0;
  for (const event of log.events()) {
    number++;
    banks.take(event);
    const columns = [
      String(number).padStart(String(count).length),
      registerName(event.pcr, log.registers).padEnd(registers),
      eventTypeName(event.type).padEnd(types),
      ...(shown ? [event.digests.get(shown.id)?.toString('hex') ?? `no ${shown.name} digest`] : []),
      describeData(event),
    ];
    yield `${columns.join('  ')}\n`;
  }
  const replayed = banks.end();
  const digests = shown ? `, their ${shown.name} digests shown` : '';
  const events = number === 1 ? '1 event' : `${number} events`;
  yield `${events}${digests}${formText(log)}\n`;
  yield `${log.registers} values after ${events}\n`;
  for (const [bank, values] of replayed.pcrs) {
    yield `  ${bank}\n`;
    for (const [pcr, value] of [...values].sort(([a], [b]) => a - b)) {
      yield `    ${registerNumber(pcr, log.registers).padStart(2)}  ${value.toString('hex')}\n`;
    }
  }
  for (const problem of replayed.problems) yield `WRONG  ${problem}\n`;
}

/** What is wrong with a log, as far as that can be seen without a TPM; empty where nothing is. */
export function logProblems(log: Listed): readonly string[] {
  const banks = new Replay(log);
  for (const event of log.events()) banks.take(event);
  return banks.end().problems;
}

/** The same for programs. */
export function eventsJson(log: Listed): object {
  const names = new Map(log.algorithms.map(({ id, name }) => [id, name ?? `0x${id.toString(16)}`]));
  const banks = new Replay(log);
  const events = [...log.events()].map((event) => {
    banks.take(event);
    return {
      pcr: event.pcr,
      type: eventTypeName(event.type),
      digests: Object.fromEntries(
        [...event.digests].map(([id, value]) => [names.get(id), value.toString('hex')]),
      ),
      data: event.data.toString('hex'),
      description: ownEvent(event) ?? null,
      text: describeData(event),
    };
  });
  return { events, pcrs: pcrsJson(banks.end().pcrs) };
}

/** What a log is, for programs; what is wrong with it is for {@link logProblems}. */
export function logJson(log: AnyLog): object {
  const { form, registers, padding } = log;
  return { form, registers, padding, ...eventsJson(log) };
}

/** PCR values as JSON: hex by PCR, by bank. */
export function pcrsJson(pcrs: ReplayedPcrs): object {
  return Object.fromEntries(
    [...pcrs].map(([bank, values]) => [
      bank,
      Object.fromEntries([...values].map(([pcr, value]) => [pcr, value.toString('hex')])),
    ]),
  );
}

/** What a log gives, and what is wrong with it. */
interface Replayed {
  readonly pcrs: ReplayedPcrs;
  /** Where it is wrong and how, each in a line; empty where nothing was seen. */
  readonly problems: readonly string[];
}

/** Replays a log in every bank whose algorithm is known, as far as that goes. */
class Replay {
  readonly #log: Listed;
  readonly #banks: ReadonlyMap<HashAlgorithm, BankReplay>;
  /** The first event without a digest, and how many there are, by bank. */
  readonly #lacking = new Map<HashAlgorithm, { first: number; count: number }>();
  readonly #problems: string[] = [];

  constructor(log: Listed) {
    this.#log = log;
    const names = log.algorithms.flatMap(({ name }) => name ?? []);
    this.#banks = new Map(names.map((bank) => [bank, new BankReplay(bank)]));
  }

  take(event: LogEvent): void {
    for (const [bank, values] of this.#banks) {
      try {
        if (!values.take(event)) this.#lacks(bank, values.taken);
      } catch (error) {
        if (!(error instanceof EventLogError)) throw error;
        this.#problems.push(`event ${values.taken}, bank ${bank}: ${error.message}`);
      }
    }
  }

  end(): Replayed {
    const lacking = [...this.#lacking].map(
      ([bank, { first, count }]) =>
        `event ${first}${count > 1 ? ` and ${count - 1} more` : ''}: no ${bank} digest, though the header declares that bank; left out of its replay`,
    );
    const cut = this.#log.problem ? [this.#log.problem.message] : [];
    const pcrs = new Map([...this.#banks].map(([bank, values]) => [bank, values.pcrs()]));
    return { pcrs, problems: [...this.#problems, ...lacking, ...cut] };
  }

  #lacks(bank: HashAlgorithm, first: number): void {
    const known = this.#lacking.get(bank);
    if (known) known.count++;
    else this.#lacking.set(bank, { first, count: 1 });
  }
}

/** The bank whose digests people see: SHA-256 as nearly all have it, or else the first one that is known. */
function shownBank(algorithms: readonly LogAlgorithm[]): LogAlgorithm | undefined {
  const known = algorithms.filter(({ name }) => name !== undefined);
  return known.find(({ name }) => name === 'sha256') ?? known[0];
}

function widths(log: Listed): { registers: number; types: number; count: number } {
  let [registers, types, count] = [0, 0, 0];
  for (const { pcr, type } of log.events()) {
    registers = Math.max(registers, registerName(pcr, log.registers).length);
    types = Math.max(types, eventTypeName(type).length);
    count++;
  }
  return { registers, types, count };
}

/** Index 0 of a confidential virtual machine's log is what it was built from; RTMRs count from 1 there. UEFI 2.10, 38.4.1. */
function registerNumber(index: number, registers: Listed['registers']): string {
  if (registers === 'PCR') return String(index);
  return index === 0 ? 'MRTD' : String(index - 1);
}

function registerName(index: number, registers: Listed['registers']): string {
  const number = registerNumber(index, registers);
  return number === 'MRTD' ? number : `${registers} ${number}`;
}

function formText({ form, registers, padding = 0 }: Listed): string {
  const forms = form === 'sha1' ? '; SHA-1 format, as firmware of TPM 1.2 times writes it' : '';
  const kind = registers === 'RTMR' ? "; a confidential virtual machine's log (CCEL)" : '';
  const end = padding > 0 ? `; ${padding} bytes of padding at the end` : '';
  return `${forms}${kind}${end}`;
}
