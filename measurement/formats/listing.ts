import { canonicalJson } from '../canonical-json.ts';
import type { MeasuredEvent } from '../events.ts';
import type { MeasuredLog } from '../evidence/read-log.ts';
import { registerValues } from '../predict.ts';

const LONGEST = 100;

/** A log for people: one line for each event, then the values that its PCRs must have in each bank. */
export function listing({ target, pcrs, events, records, capped }: MeasuredLog): string {
  const counts = new Map<number, number>();
  const rows = records.map(({ pcr }, index) => {
    const sequence = counts.get(pcr) ?? 0;
    counts.set(pcr, sequence + 1);
    const event = events[index];
    const what = event ? [event.event, describe(event)] : ['cap', 'nothing follows'];
    return [String(sequence), ...(pcrs.length > 1 ? [`PCR ${pcr}`] : []), ...what];
  });
  const widest = Math.max(...target.banks.map((bank) => bank.length));
  const values = registerValues(records, pcrs, target.banks);
  const state = capped ? '' : ', not capped: measuring was not finished';
  const replayed = pcrs.flatMap((pcr) => [
    `PCR ${pcr} after ${counts.get(pcr) ?? 0} events${state}`,
    ...[...values].map(
      ([bank, byPcr]) => `  ${bank.padEnd(widest)}  ${byPcr.get(pcr)?.toString('hex')}`,
    ),
  ]);
  return [...columns(rows), ...replayed, ''].join('\n');
}

/** Aligned columns. The first is for numbers; the last may be long, so nothing is padded to its width. */
export function columns(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, cell.length);
  }
  const aligned = (cell: string, i: number, { length }: readonly string[]) => {
    if (i === length - 1) return cell;
    return i === 0 ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0);
  };
  return rows.map((row) =>
    row
      .map((cell, i) => aligned(cell, i, row))
      .join('  ')
      .trimEnd(),
  );
}

/** What happened in an event, in printable ASCII. */
export function describe(event: MeasuredEvent): string {
  switch (event.event) {
    case 'manifest':
    case 'policy':
      return content(event);
    case 'daemon':
      return printable(`version ${event.version}`);
    case 'signature-key':
      return contentDigests(event.digests);
    case 'identity':
      return printable(`${event.domain}: domid ${event.domid}, ${event.uuid}`);
    case 'script':
      return `${printable(event.script)} at ${event.at}, ${content(event)}`;
    case 'script-action':
      return shortened(
        `${printable(`${event.script}: ${event.action}`)} ${canonicalJson(event.arguments)}`,
      );
    case 'attestation-key':
      return `Name ${event.name}`;
    case 'image':
      return `${printable(event.domain)} ${event.component}${segment(event.segment)}, ${content(event)}`;
    case 'configuration':
      return shortened(canonicalJson(event.configuration));
    case 'domain': {
      const role = event.role === undefined ? '' : ', only when the boot fails';
      const rights = event.capabilities.length > 0 ? `, ${event.capabilities.join(' ')}` : '';
      const where = event.pcr === undefined ? '' : `, images in PCR ${event.pcr}`;
      const left = event.unmeasured ? `, NOT measured: ${event.unmeasured.join(' ')}` : '';
      return printable(
        `${event.domain}: domid ${event.domid}, ${event.type}, ${event.seclabel}${rights}${role}${where}${left}`,
      );
    }
    case 'error': {
      const where = [event.phase, event.domain].filter((part) => part !== undefined).join(', ');
      return printable(where ? `${where}: ${event.what}` : event.what);
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

export function shortened(text: string): string {
  return text.length > LONGEST ? `${text.slice(0, LONGEST - 1)}…` : text;
}

/** Text of unknown origin goes to a terminal: whatever is not printable ASCII is escaped. */
export function printable(text: string): string {
  return canonicalJson(text).slice(1, -1);
}

const segment = (index: number | undefined) => (index === undefined ? '' : `[${index}]`);
