/** What Xen's command line says about the machine that domains share (docs/misc/xen-command-line.pandoc). */

/** A serial port that Xen keeps for itself. */
export interface XenSerialPort {
  name: 'com1' | 'com2';
  /** Its first I/O port; it has eight. Undefined where Xen finds it on the PCI bus. */
  first?: number;
  /** Its ISA interrupt; undefined where Xen polls it. */
  irq?: number;
}

/** Where a PC has them (ns16550.c and setup.c). */
const usualPlaces = { com1: { first: 0x3f8, irq: 4 }, com2: { first: 0x2f8, irq: 3 } } as const;

/**
 * The serial ports that Xen drives: those that `console=` names, and those that `com1=` or `com2=` sets up. As in Xen, the last
 * of several equal options counts.
 */
export function xenSerialPorts(commandLine: string): XenSerialPort[] {
  const console = optionOf(commandLine, 'console') ?? '';
  return (['com1', 'com2'] as const).flatMap((name) => {
    const settings = optionOf(commandLine, name) ?? '';
    if (settings === '' && !console.includes(name)) return [];
    return [{ name, ...placeOf(settings, usualPlaces[name]) }];
  });
}

/** `115200,8n1,0x2f8,3`: rate, format, I/O base, interrupt; the last two also as `io-base=` and `irq=`. */
function placeOf(
  settings: string,
  usual: { first: number; irq: number },
): Pick<XenSerialPort, 'first' | 'irq'> {
  const parts = settings.split(',');
  const named = (key: string) => parts.find((part) => part.startsWith(`${key}=`))?.split('=')[1];
  const positional = parts.filter((part) => !part.includes('='));
  const base = named('io-base') ?? positional[2] ?? '';
  const irq = named('irq') ?? positional[3] ?? '';
  const onPci = /^(pci|amt)$/.test(base);
  return {
    ...(onPci ? {} : { first: base === '' ? usual.first : Number(base) }),
    ...(onPci || irq === 'msi' || irq === '0' ? {} : { irq: irq === '' ? usual.irq : Number(irq) }),
  };
}

const kibPerUnit: Readonly<Record<string, number>> = {
  b: 1 / 1024,
  k: 1,
  m: 1024,
  g: 1024 ** 2,
  t: 1024 ** 3,
};

/** The first domain's memory in KiB as `dom0_mem=` sets it; undefined where that gives no fixed size. */
export function firstDomainKiB(commandLine: string): number | undefined {
  const parts = optionOf(commandLine, 'dom0_mem')?.split(',') ?? [];
  const [, digits, unit = 'k'] =
    parts.map((part) => /^([0-9]+)([bkmgt])?$/i.exec(part)).find((match) => match !== null) ?? [];
  if (digits === undefined) return undefined;
  return Number(digits) * (kibPerUnit[unit.toLowerCase()] ?? 1);
}

function optionOf(commandLine: string, name: string): string | undefined {
  const words = commandLine.split(/\s+/).filter((word) => word.startsWith(`${name}=`));
  return words.at(-1)?.slice(name.length + 1);
}
