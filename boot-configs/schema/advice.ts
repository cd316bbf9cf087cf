import type { Shape } from './model.ts';

/**
 * What was probably meant by a value that the schema refuses: a sentence that stands before what is expected, or
 * undefined. `key` is the property's name, also for the items of its list.
 */
export function advice(key: string, value: unknown, shape: Shape): string | undefined {
  if (key === 'cpus' && Array.isArray(value)) {
    return 'a list, which in xl.cfg gives each vCPU its own CPUs, is not taken: all vCPUs have the same;';
  }
  const own =
    typeof value === 'string' || typeof value === 'number' ? byKey[key]?.(value) : undefined;
  return own ?? byForm(value, shape);
}

type Adviser = (value: string | number) => string | undefined;

const byKey: Readonly<Record<string, Adviser>> = {
  memory: (value) => meant(size(value)),
  maxmem: (value) => meant(size(value)),
  timeout: (value) => meant(seconds(value)),
  uuid: (value) => meant(uuid(String(value))),
  name: (value) => meant(allowedName(String(value))),
  type: (value) => (/^(generic|linux)$/.test(String(value)) ? meant('pv') : undefined),
  seclabel: (value) => meant(seclabel(String(value))),
  kernel: digest,
  ramdisk: digest,
  digest,
  ioports: (value) => meant(ioports(value)),
  iomem: (value) => meant(iomem(String(value))),
  pci: (value) => meant(pci(String(value))),
  cpus,
  on_poweroff: (value) => endAction(String(value)),
  on_reboot: (value) => endAction(String(value)),
  on_crash: (value) => endAction(String(value)),
  cpuid: (value) => meant(cpuid(String(value))),
  cmdline,
};

function meant(value: string | undefined): string | undefined {
  return value === undefined ? undefined : `did you mean "${value}"?`;
}

/** `yes` for a truth value, a number in quotes, one item where a list belongs. */
function byForm(value: unknown, { type }: Shape): string | undefined {
  if (typeof value === 'object') return undefined;
  if (type === 'boolean') {
    if (/^(true|yes|on|y|1)$/i.test(String(value))) return 'did you mean true?';
    if (/^(false|no|off|n|0)$/i.test(String(value))) return 'did you mean false?';
  }
  if (type === 'integer' && /^(0x[0-9a-f]+|[0-9]+)$/i.test(String(value))) {
    return typeof value === 'string' ? `write ${value} without quotes:` : undefined;
  }
  if (type === 'array' && typeof value === 'string' && /^[\w.:-]{1,64}$/.test(value)) {
    return `did you mean [${value}]?`;
  }
  return undefined;
}

/** A bare number is in MiB, as in xl.cfg. Decimal units are taken for binary ones, which is what tools mean by them. */
function size(value: string | number): string | undefined {
  const [, digits = '', unit = 'm'] =
    /^([0-9]{1,9}(?:\.[0-9]{1,3})?) ?([kmgt])?(?:i?b)?$/i.exec(String(value)) ?? [];
  const mib = Number(digits) * 1024 ** ('kmgt'.indexOf(unit.toLowerCase()) - 1);
  if (digits === '' || !Number.isInteger(mib) || mib < 1) return undefined;
  if (mib % 1024 ** 2 === 0) return `${mib / 1024 ** 2}TiB`;
  return mib % 1024 === 0 ? `${mib / 1024}GiB` : `${mib}MiB`;
}

function seconds(value: string | number): string | undefined {
  const [, digits, unit = 's'] =
    /^([0-9]{1,4}) ?(s|m|h)?(?:ec(?:onds?)?|in(?:utes?)?|ours?)?$/i.exec(String(value)) ?? [];
  if (digits === undefined) return undefined;
  const all = Number(digits) * 60 ** 'smh'.indexOf(unit.toLowerCase());
  return all >= 1 && all <= 9999 ? `${all}s` : undefined;
}

function uuid(value: string): string | undefined {
  const digits = value.replace(/^urn:uuid:|[{}-]/gi, '');
  if (!/^[0-9a-f]{32}$/i.test(digits)) return undefined;
  return digits.replace(/(.{8})(.{4})(.{4})(.{4})(.{12})/, '$1-$2-$3-$4-$5').toLowerCase();
}

/** A name like this one that a domain may have, if there is one. */
export function allowedName(name: string): string | undefined {
  const allowed = name.replace(/[^A-Za-z0-9._-]+/g, '-').replace(/^[._-]+|-+$/g, '');
  if (allowed === '' || allowed.length > 60) return undefined;
  return /^[0-9]+$/.test(allowed) ? `vm${allowed}` : allowed;
}

/** A type alone, or a context with the range of a policy with MLS. */
function seclabel(value: string): string | undefined {
  if (/^[A-Za-z_]\w{0,63}$/.test(value)) return `system_u:system_r:${value}`;
  return /^([A-Za-z_]\w{0,63}(?::[A-Za-z_]\w{0,63}){2}):s[0-9]/.exec(value)?.[1];
}

const digestAlgorithms: Readonly<Record<number, string>> = {
  64: 'sha256',
  96: 'sha384',
  128: 'sha512',
};

/** Hexadecimal digits without their algorithm, in upper case, or as other tools write them. */
function digest(value: string | number): string | undefined {
  const [, written, digits = ''] =
    /^(sha-?(?:256|384|512))?[:=\s-]?([0-9a-f]{64,128})$/i.exec(String(value)) ?? [];
  const algorithm = digestAlgorithms[digits.length];
  const said = written?.toLowerCase().replace('-', '');
  if (algorithm === undefined || (said !== undefined && said !== algorithm)) return undefined;
  return `write ${algorithm}: before the digits, all in lower case;`;
}

/** What xl.cfg has for the ends of domains beside what is taken here. */
function endAction(value: string): string | undefined {
  if (value === 'rename-restart') return 'the former instance goes: did you mean "restart"?';
  if (value === 'soft-reset') {
    return 'a boot domain keeps nothing over a reset: "restart" builds it again;';
  }
  const dumped = /^coredump-(destroy|preserve|restart)$/.test(value);
  return dumped ? '"preserve" keeps it for "xl dump-core";' : undefined;
}

/** With `0x`, or a number where YAML took the digits for one. */
function ioports(value: string | number): string | undefined {
  const bare = String(value).replace(/0x/gi, '').replaceAll(' ', '');
  return /^[0-9a-f]{1,4}(-[0-9a-f]{1,4})?$/i.test(bare) ? bare : undefined;
}

function iomem(value: string): string | undefined {
  const [, first = '', last = first] =
    /^(?:0x)?([0-9a-f]{1,10})(?:-(?:0x)?([0-9a-f]{1,10}))?$/i.exec(value) ?? [];
  const count = Number.parseInt(last, 16) - Number.parseInt(first, 16) + 1;
  return first !== '' && count > 0 ? `${first},${count.toString(16)}` : undefined;
}

/** With one digit, without bus or function, or with the options of xl.cfg behind it. */
function pci(value: string): string | undefined {
  const [, segment = '', bus = '0', device = '', dot = '0'] =
    /^([0-9a-f]{4}:)?(?:([0-9a-f]{1,2}):)?([01]?[0-9a-f])(?:\.([0-7]))?(?:[,=@].*)?$/i.exec(
      value,
    ) ?? [];
  if (device === '') return undefined;
  return `${segment}${bus.padStart(2, '0')}:${device.padStart(2, '0')}.${dot}`;
}

function cpus(value: string | number): string | undefined {
  const text = String(value);
  if (/node/.test(text)) {
    return 'the CPUs of a node are the machine\'s: write their numbers, which "xl info -n" shows;';
  }
  if (/^\s*all\s*,/.test(text)) {
    return 'which CPUs are all is for the machine to say: write those that the domain may use;';
  }
  const bare = text.replace(/\s+/g, '').replace(/,+$/, '');
  return bare !== text && /^[0-9,^-]+$/.test(bare) ? meant(bare) : undefined;
}

function cpuid(value: string): string | undefined {
  const changes = value
    .replace(/^host/, '')
    .split(/[\s,:]+/)
    .filter((change) => change !== '')
    .map((change) => change.replace(/=[xs]$/, '=k'));
  if (!changes.every((change) => /^[\w.+-]{1,32}=[01k]$/.test(change))) return undefined;
  return ['host', ...changes].join(',');
}

function cmdline(value: string | number): string | undefined {
  if (typeof value === 'number') return `did you mean the text "${value}"?`;
  if (/^[ -~\r\n]*$/.test(value)) return 'write it in one line: ">-" joins lines, "|" keeps them;';
  const at = value.search(/[^ -~\r\n]/);
  const code = value.codePointAt(at)?.toString(16).toUpperCase().padStart(4, '0');
  return `character ${at + 1} of it is U+${code};`;
}
