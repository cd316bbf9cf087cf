/** What guests have said of their TPMs. */
import { createHash } from 'node:crypto';

/**
 * What a guest has said three times: the console of a busy machine shows a character twice now and then, and never one less. So of each
 * run of one character the shortest copy is right.
 */
export function saidThrice(answer: string, what: string): string[] {
  const begin = [...what].map((character) => `${character}+`).join('');
  const lines = [...answer.matchAll(new RegExp(`${begin} +(.*)`, 'g'))].map(([, text = '']) =>
    (text.trimEnd().match(/(.)\1*/g) ?? []).map(String),
  );
  const count = lines.length / 3;
  return lines.slice(0, count).map((runs, line) =>
    runs
      .map((run, at) => {
        const copies = [1, 2].map((copy) => lines[line + copy * count]?.[at] ?? '');
        return copies.reduce((least, other) => (other.length < least.length ? other : least), run);
      })
      .join(''),
  );
}

/** The log that a guest has said, and the registers that it has read. */
export function launchOf(answer: string) {
  const registers = saidThrice(answer, 'launch register').flatMap((line) => {
    const [, pcr, value = ''] = /^(\d) *: 0x([0-9A-F]{64})$/.exec(line) ?? [];
    return pcr === undefined ? [] : [[Number(pcr), value.toLowerCase()] as const];
  });
  return { log: Buffer.from(saidThrice(answer, 'launch log').join(''), 'hex'), registers };
}

export const zeros = '0'.repeat(64);
export const sha256 = (...bytes: (string | Buffer)[]): Buffer =>
  bytes.reduce((hash, part) => hash.update(part), createHash('sha256')).digest();
/** What a register holds that was extended with the digests of these texts. */
export const extendedBy = (...texts: string[]) =>
  texts.reduce(
    (value, text) => sha256(Buffer.from(value, 'hex'), sha256(text)).toString('hex'),
    zeros,
  );
