import { writeSync } from 'node:fs';
import { type Logger, multistream, pino } from 'pino';

export interface BootLog {
  logger: Logger;
  /** All records so far, one JSON object a line: the log that is handed over. */
  text(): string;
}

/**
 * The daemon's log: readable lines on the console, and JSON records kept in memory for dom0.
 * `time` gives milliseconds since the kernel started.
 */
export function openDaemonLog(time: () => number, write = writeConsole): BootLog {
  const records: string[] = [];
  const streams = multistream([
    { level: 'debug', stream: { write: (record: string) => records.push(record) } },
    { level: 'info', stream: { write: (record: string) => write(readable(record)) } },
  ]);
  const options = {
    level: 'debug',
    base: null,
    timestamp: () => `,"time":${time().toFixed(1)}`,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  return { logger: pino(options, streams), text: () => records.join('') };
}

function readable(record: string): string {
  const { time, level, msg } = JSON.parse(record) as { time: number; level: string; msg: string };
  const stamp = (time / 1000).toFixed(3).padStart(7);
  const mark = level === 'error' || level === 'fatal' ? 'FAILED: ' : '';
  // Once domain 0 exists, Xen shows of domB's lines what is ASCII.
  const plain = msg.replaceAll('…', '...').replaceAll(/[^\n\x20-\x7e]/g, '?');
  return plain
    .split('\n')
    .map((line) => `domb: ${stamp} ${mark}${line}\n`)
    .join('');
}

function writeConsole(text: string): void {
  let rest = Buffer.from(text);
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(1, rest));
    } catch (error) {
      // The console may be slower than we are; nothing may be lost to that.
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
    }
  }
}
