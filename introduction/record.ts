import type { DomainRings, Ring, XenstoreRing } from '../bindings/hypervisor.ts';
import { type BuildingPlan, type EndAction, USUAL_END } from '../domains/end-actions.ts';
import {
  ADDRESSES,
  INTERFACE,
  MAC,
  MOST_RATE,
  MTU,
  SCRIPT,
  type ServedDisk,
  type ServedVif,
  TARGET,
  VDEV,
} from '../domains/served-devices.ts';
import type { DomainType } from '../domains/settings.ts';
import { readBounded } from '../measurement/read-bounded.ts';

/** Where dom0 keeps the record that domB handed over (systemd/domb-receive). */
export const recordFile = '/run/domb/record.json';

/** A domain that domB made, as far as introducing it takes. */
export interface BootDomain extends DomainRings {
  name: string;
  domid: number;
  uuid: string;
  type: DomainType;
  memoryKiB: number;
  maxMemoryKiB: number;
  /** How many of its vCPUs are online when it starts. */
  vcpus: number;
  maxVcpus: number;
  hardware: boolean;
  /** What becomes of it when it stops. */
  ends: { poweroff: EndAction; reboot: EndAction; crash: EndAction };
  /** What building it again takes, where that is what becomes of it. */
  again?: BuildingPlan;
  /** Devices for it, as `0000:00:05.0`. */
  pci: string[];
  /** Disks and network interfaces that this domain serves to it. */
  disks: ServedDisk[];
  vifs: ServedVif[];
  /** The domain that serves its TPM, if there is one in this boot. */
  vtpm?: { domid: number; uuid: string };
  /** Its TPM outlasts the boot. */
  vtpmPersistent?: true;
}

export interface BootRecord {
  /** The domid of the domain that serves xenstore and consoles. */
  hardwareDomid: number;
  domains: BootDomain[];
}

/** A record that is not of the form that domB writes. */
export class RecordError extends Error {
  override name = 'RecordError';
  readonly hint = 'name the record.json that domB handed over in this boot';
}

/** Larger than the record of 1000 domains and its timeline. */
const MOST_BYTES = 16 * 1024 * 1024;

/**
 * Reads and checks a record: nothing protects the file, and what is in it goes into xenstore and hypercalls.
 * @throws {RecordError} for what domB can't have written
 */
export async function readBootRecord(file = recordFile): Promise<BootRecord> {
  return parseBootRecord((await readBounded(file, MOST_BYTES)).toString(), file);
}

/** @param source the record's name in messages */
export function parseBootRecord(text: string, source: string): BootRecord {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new RecordError(`${source}: this is not JSON`);
  }
  const record = new Fields(value, source);
  const version = record.integer('version', 0, 0xffff);
  if (version !== 1) throw new RecordError(`${source}: version ${version}, where 1 is expected`);
  const listed = record.list('domains');
  const domains = listed.map(domainOf);
  const names = new Set(domains.map(({ name }) => name));
  const domids = new Set(domains.map(({ domid }) => domid));
  if (names.size < domains.length || domids.size < domains.length) {
    throw new RecordError(`${source}: two domains have one name or one domid`);
  }
  for (const [index, domain] of domains.entries()) {
    const wanted = listed[index]?.optionalText('vtpm', NAME);
    // A domain that the boot had to do without serves nobody.
    const backend = domains.find(({ name }) => name === wanted);
    if (backend) domain.vtpm = { domid: backend.domid, uuid: backend.uuid };
  }
  return { hardwareDomid: record.integer('hardwareDomid', 0, MOST_DOMID), domains };
}

/** DOMID_FIRST_RESERVED, xen/xen.h, and the boot domain's below it. */
const MOST_DOMID = 0x7fee;
/** No machine has more: 2^52 bytes of physical addresses, and vCPUs as a manifest may ask for. */
const MOST_KIB = 2 ** 42;
const MOST_FRAME = 2 ** 40;
const MOST_PORT = 2 ** 17;
const MOST_VCPUS = 8192;
/** As domB and "domb watch" write one. */
export const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
/** What a manifest may call a domain. */
const NAME = /^(?![0-9]+$)[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;

function domainOf(fields: Fields): BootDomain {
  const domain = fieldsOf(fields);
  const { ends, name, again, hardware } = domain;
  const restarts = Object.values(ends).includes('restart');
  if (restarts !== (again !== undefined)) {
    throw new RecordError(`${name}: what builds it again, and whether that is done, do not agree`);
  }
  // What our manifests cannot have: libxl could not carry it over.
  if (restarts && (hardware || domain.pci.length > 0 || fields.has('vtpm'))) {
    throw new RecordError(`${name} has what nobody can build again`);
  }
  return domain;
}

function fieldsOf(domain: Fields): BootDomain {
  const vcpus = domain.integer('vcpus', 1, MOST_VCPUS);
  const memoryKiB = domain.integer('memoryKiB', 1, MOST_KIB);
  return {
    // In xenstore a name is a value, in xenconsoled a part of a path.
    name: domain.text('name', NAME),
    domid: domain.integer('domid', 0, MOST_DOMID),
    uuid: domain.text('uuid', UUID),
    type: domain.text('type', /^(pv|pvh|hvm)$/) as DomainType,
    memoryKiB,
    maxMemoryKiB: domain.integer('maxMemoryKiB', memoryKiB, MOST_KIB),
    vcpus,
    maxVcpus: domain.has('maxVcpus') ? domain.integer('maxVcpus', vcpus, MOST_VCPUS) : vcpus,
    hardware: domain.list('capabilities', capability).includes('hardware'),
    ends: {
      poweroff: endOf(domain, 'onPoweroff'),
      reboot: endOf(domain, 'onReboot'),
      crash: endOf(domain, 'onCrash'),
    },
    ...(domain.has('again') ? { again: planOf(domain.object('again')) } : {}),
    pci: domain.has('pci') ? domain.list('pci', pciAddress) : [],
    disks: domain.has('disks') ? domain.list('disks').map(diskOf) : [],
    vifs: domain.has('vifs') ? domain.list('vifs').map(vifOf) : [],
    ...(domain.has('xenstore') ? { xenstore: storeRingOf(domain.object('xenstore')) } : {}),
    ...(domain.is('vtpmPersistent') ? { vtpmPersistent: true as const } : {}),
    ...(domain.has('console') ? { console: ringOf(domain.object('console')) } : {}),
  };
}

function capability(value: unknown): string {
  if (typeof value === 'string') return value;
  throw new RecordError(`${JSON.stringify(value)} is no capability`);
}

function pciAddress(value: unknown): string {
  if (typeof value === 'string' && /^[0-9a-f]{4}:[0-9a-f]{2}:[01][0-9a-f]\.[0-7]$/.test(value)) {
    return value;
  }
  throw new RecordError(`${JSON.stringify(value)} is no PCI device`);
}

const endOf = (domain: Fields, name: string): EndAction =>
  (domain.optionalText(name, /^(destroy|preserve|restart)$/) as EndAction | undefined) ?? USUAL_END;

/** What a manifest takes for a command line, for the name of an image, and for a number of a CPU and of what Xen keeps of a domain. */
const CMDLINE = /^[ -~]{0,4096}$/;
const IMAGE = /^(?!\/)(?!(?:.*\/)?\.{0,2}(?:\/|$))[!-~]{1,255}$/;
const MOST_CPU = 4095;
const MOST_LIMIT = 2 ** 31 - 1;

function planOf(plan: Fields): BuildingPlan {
  const limits = plan.object('limits');
  const limit = (name: keyof BuildingPlan['limits']) =>
    limits.has(name) ? { [name]: limits.integer(name, 0, MOST_LIMIT) } : {};
  return {
    kernel: plan.text('kernel', IMAGE),
    ramdisk: plan.list('ramdisk', imageName),
    cmdline: plan.text('cmdline', CMDLINE),
    ...(plan.has('cpus') ? { cpus: plan.list('cpus', cpuNumber) } : {}),
    limits: { ...limit('grantFrames'), ...limit('maptrackFrames'), ...limit('eventChannels') },
    nestedHvm: plan.is('nestedHvm'),
    msrRelaxed: plan.is('msrRelaxed'),
    uuidFixed: plan.is('uuidFixed'),
  };
}

function imageName(value: unknown): string {
  if (typeof value === 'string' && IMAGE.test(value)) return value;
  throw new RecordError(`${JSON.stringify(value)} is no image`);
}

function cpuNumber(value: unknown): number {
  if (Number.isInteger(value) && (value as number) >= 0 && (value as number) <= MOST_CPU) {
    return value as number;
  }
  throw new RecordError(`${JSON.stringify(value)} is no CPU`);
}

function diskOf(disk: Fields): ServedDisk {
  const script = disk.optionalText('script', SCRIPT);
  return {
    vdev: disk.text('vdev', VDEV),
    target: disk.text('target', TARGET),
    access: disk.text('access', /^[rw]$/) as ServedDisk['access'],
    ...(script === undefined ? {} : { script }),
    ...(disk.has('discard') ? { discard: disk.is('discard') } : {}),
  };
}

const vifForms = {
  mac: MAC,
  bridge: INTERFACE,
  ip: ADDRESSES,
  script: SCRIPT,
  vifname: INTERFACE,
  gatewaydev: INTERFACE,
};

function vifOf(vif: Fields): ServedVif {
  const texts = Object.entries(vifForms).flatMap(([name, form]) =>
    vif.has(name) ? [[name, vif.text(name, form)]] : [],
  );
  return {
    ...(Object.fromEntries(texts) as ServedVif),
    ...(vif.has('mtu') ? { mtu: vif.integer('mtu', MTU.least, MTU.most) } : {}),
    ...(vif.has('rate') ? { rate: rateOf(vif.object('rate')) } : {}),
  };
}

const rateOf = (rate: Fields) => ({
  bytes: rate.integer('bytes', 1, MOST_RATE),
  microseconds: rate.integer('microseconds', 1, MOST_RATE),
});

const ringOf = (ring: Fields): Ring => ({
  frame: ring.integer('frame', 1, MOST_FRAME),
  port: ring.integer('port', 1, MOST_PORT),
});

const storeRingOf = (ring: Fields): XenstoreRing => ({
  ...ringOf(ring),
  ...(ring.is('told') ? { told: true } : {}),
});

/** Members of a JSON object whose form nobody has checked. */
class Fields {
  readonly #object: Readonly<Record<string, unknown>>;
  readonly #where: string;

  constructor(value: unknown, where: string) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw new RecordError(`${where}: this is not a JSON object`);
    }
    this.#object = value as Record<string, unknown>;
    this.#where = where;
  }

  has(name: string): boolean {
    return Object.hasOwn(this.#object, name);
  }

  /** False where nothing is said. */
  is(name: string): boolean {
    const value = this.#get(name) ?? false;
    if (typeof value !== 'boolean') throw this.#wrong(name, 'true or false');
    return value;
  }

  integer(name: string, least: number, most: number): number {
    const value = this.#get(name);
    if (!Number.isSafeInteger(value) || (value as number) < least || (value as number) > most) {
      throw this.#wrong(name, `an integer from ${least} to ${most}`);
    }
    return value as number;
  }

  text(name: string, form: RegExp): string {
    const value = this.#get(name);
    if (typeof value !== 'string' || !form.test(value)) throw this.#wrong(name, String(form));
    return value;
  }

  optionalText(name: string, form: RegExp): string | undefined {
    return this.has(name) ? this.text(name, form) : undefined;
  }

  object(name: string): Fields {
    return new Fields(this.#get(name), `${this.#where}: ${name}`);
  }

  list(name: string): Fields[];
  list<T>(name: string, item: (value: unknown) => T): T[];
  list(name: string, item?: (value: unknown) => unknown): unknown[] {
    const value = this.#get(name);
    if (!Array.isArray(value)) throw this.#wrong(name, 'a list');
    if (item) return value.map((one) => item(one));
    return value.map((one, index) => new Fields(one, `${this.#where}: ${name}[${index}]`));
  }

  #get(name: string): unknown {
    return this.has(name) ? this.#object[name] : undefined;
  }

  #wrong(name: string, expected: string): RecordError {
    const seen = JSON.stringify(this.#get(name))?.slice(0, 60) ?? 'nothing';
    return new RecordError(`${this.#where}: "${name}" is ${seen}, where ${expected} is expected`);
  }
}
