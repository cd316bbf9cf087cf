import type { ConsoleLine } from '../../platform/machine/console.ts';

/** Milliseconds of a boot's parts, as the console shows them. NaN where there was no boot domain. */
export interface BootTimes {
  /** From Xen's banner to the start of the boot domain's kernel. */
  xen: number;
  /** From there to the start of its init. */
  kernel: number;
  initToHalt: number;
  /** Of it, what passes before it starts the first domain: from then on that one may run on the same processor. */
  initToStart: number;
  /** Of it, what commands of the TPM took; 0 where there were none. */
  tpm: number;
  /** From its halt to dom0's user space. */
  dom0: number;
  /** From Xen's banner to dom0's user space. */
  total: number;
}

/** A line of a boot domain's init, with its clock, which starts with its kernel. */
const stamped = /(?:domb|reference): +([\d.]+) .*init to halt ([\d.]+) ms/;

/** Its last line before it starts the first domain. */
const starting =
  /(?:domb: +([\d.]+) +start \S+ \.\.\.|reference: +([\d.]+) .*creating and building took)/;

export function bootTimes(lines: readonly ConsoleLine[]): BootTimes {
  const at = (sign: RegExp) => lines.find(({ text }) => sign.test(text))?.at ?? Number.NaN;
  const [banner, up] = [at(/Xen version \d/), at(/dom0: userspace is up/)];
  const halt = at(stamped);
  const text = lines.find(({ text }) => stamped.test(text))?.text ?? '';
  const [, stamp, duration] = stamped.exec(text) ?? [];
  // The line is written when that many seconds of the kernel's clock have passed.
  const kernelStart = halt - Number(stamp) * 1000;
  const initToHalt = Number(duration);
  return {
    xen: kernelStart - banner,
    kernel: halt - initToHalt - kernelStart,
    initToHalt,
    initToStart: initToHalt - (Number(stamp) - startStamp(lines)) * 1000,
    tpm: Number(/commands of the TPM ([\d.]+) ms/.exec(text)?.[1] ?? 0),
    dom0: up - halt,
    total: up - banner,
  };
}

function startStamp(lines: readonly ConsoleLine[]): number {
  const text = lines.find((line) => starting.test(line.text))?.text ?? '';
  const [, own, reference] = starting.exec(text) ?? [];
  return Number(own ?? reference);
}
