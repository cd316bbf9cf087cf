import { nearest } from '../boot-configs/suggest.ts';
import type { Host } from '../boot-scripts/api.ts';
import type { MadeUpHost } from '../daemon/scripts/dry-run.ts';
import { ownRelease } from '../xen-releases/releases.ts';
import { Failure } from './command.ts';

const text = (value: unknown) => typeof value === 'string';
const count = (value: unknown) => Number.isSafeInteger(value) && Number(value) >= 0;
const truth = (value: unknown) => typeof value === 'boolean';
const listOf = (each: (value: unknown) => boolean) => (value: unknown) =>
  Array.isArray(value) && value.every(each);
const withTexts =
  (...names: string[]) =>
  (value: unknown): boolean =>
    typeof value === 'object' &&
    value !== null &&
    Object.keys(value).sort().join() === names.toSorted().join() &&
    names.every((name) =>
      name === 'bios'
        ? withTexts('vendor', 'version', 'date')((value as Record<string, unknown>).bios)
        : text((value as Record<string, unknown>)[name]),
    );

/** Exactly one form for each member of `boot.host`, and the words for it. */
const FORMS: Record<keyof Host, { fits: (value: unknown) => boolean; says: string }> = {
  xen: { fits: text, says: 'a text' },
  commandLine: { fits: text, says: 'a text' },
  totalMemoryKiB: { fits: count, says: 'a whole number' },
  freeMemoryKiB: { fits: count, says: 'a whole number' },
  cpus: { fits: listOf(count), says: 'a list of whole numbers' },
  hvm: { fits: truth, says: 'true or false' },
  smbios: {
    fits: withTexts('vendor', 'product', 'version', 'serial', 'uuid', 'bios'),
    says: 'an object of texts: vendor, product, version, serial, uuid, and bios with vendor, version, date',
  },
  pci: {
    fits: listOf(withTexts('address', 'vendor', 'device', 'class')),
    says: 'a list of objects of texts: address, vendor, device, class',
  },
  tpm: {
    fits: withTexts('manufacturer', 'model', 'firmware'),
    says: 'an object of texts: manufacturer, model, firmware',
  },
  secureBoot: { fits: truth, says: 'true or false' },
  microcode: { fits: text, says: 'a text' },
};

/**
 * A machine as a file describes it: some members of `boot.host`, in JSON. What tells one machine from another is unknown where it is
 * left out; the rest is that of an ordinary one.
 * @param json the file's text, and nothing for an ordinary machine
 */
export function madeUpHost(file: string, json = '{}'): MadeUpHost {
  const given = members(file, json);
  const { smbios, pci, tpm, secureBoot, microcode, xen, ...rest } = given;
  const facts = { smbios, pci, tpm, secureBoot, microcode };
  const totalMemoryKiB = given.totalMemoryKiB ?? 8 * 2 ** 20;
  return {
    host: {
      ...{ version: xen ?? ownRelease.version, commandLine: 'boot-domain flask=enforcing' },
      ...{ totalMemoryKiB, freeMemoryKiB: totalMemoryKiB - 2 ** 20, cpus: [0, 1, 2, 3], hvm: true },
      ...rest,
    },
    facts: Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined)),
  };
}

function members(file: string, json: string): Partial<Host> {
  const refuse = (what: string, hint: string): never => {
    throw new Failure(`${file}: ${what}`, hint);
  };
  const known = Object.keys(FORMS);
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (error) {
    return refuse(
      (error as Error).message,
      'write JSON; boot-configs/host-facts.json is an example',
    );
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return refuse('this is no object', `give an object with some of ${known.join(', ')}`);
  }
  for (const [name, member] of Object.entries(value)) {
    if (!Object.hasOwn(FORMS, name)) {
      const meant = nearest(name, known);
      refuse(
        `boot.host has no "${name}"`,
        meant === undefined ? `there is ${known.join(', ')}` : `did you mean "${meant}"?`,
      );
    }
    const { fits, says } = FORMS[name as keyof Host];
    if (!fits(member)) refuse(`"${name}" is not of its form`, `give ${says}`);
  }
  return value as Partial<Host>;
}
