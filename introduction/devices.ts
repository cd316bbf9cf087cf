import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';
import { diskNumber } from '../domains/served-devices.ts';
import type { ControlDomain } from './control-domain.ts';
import { IntroductionError, type IntroductionProblem, problemOf } from './introduction-error.ts';
import { diskDevice, nicDevice, pciDevice } from './libxl-devices.ts';
import type { BootDomain } from './record.ts';

const execute = promisify(execFile);

/** Where each back end shows that its driver is there, and the module that has it. */
const drivers = {
  disk: { path: '/sys/bus/xen-backend/drivers/vbd', module: 'xen-blkback' },
  nic: { path: '/sys/bus/xen-backend/drivers/vif', module: 'xen-netback' },
  pci: { path: '/sys/bus/pci/drivers/pciback', module: 'xen-pciback' },
} as const;

/** Has the kernel of this domain drive the back ends of a kind. */
export type Load = (kind: keyof typeof drivers) => Promise<void>;

/** @throws IntroductionError with what modprobe said */
export const loadDriver: Load = async (kind) => {
  const { path, module } = drivers[kind];
  if (existsSync(path)) return;
  try {
    await execute('modprobe', [module]);
  } catch (error) {
    const said = (error as { stderr?: string }).stderr?.trim() || (error as Error).message;
    throw new IntroductionError(
      `modprobe ${module}: ${said}`,
      `the kernel of this domain needs ${module} to serve such devices`,
    );
  }
};

/** What became of a domain's devices. */
export interface Attachment {
  /** What it got, as `domb introduce` names it. */
  got: { disk: string[]; vif: string[]; pci: string[] };
  /** The first thing that failed; the other devices were tried all the same. */
  problem?: IntroductionProblem;
}

/** Attaches those devices of a domain that it does not have yet, through libxl, and says which. */
export async function attachDevices(
  domain: BootDomain,
  control: Pick<ControlDomain, 'read' | 'attach'>,
  load: Load = loadDriver,
): Promise<Attachment> {
  const { domid, disks, vifs, pci } = domain;
  const got: Attachment['got'] = { disk: [], vif: [], pci: [] };
  const problems: IntroductionProblem[] = [];
  const attach = async (list: string[], name: string, device: ReturnType<typeof diskDevice>) => {
    try {
      await load(device.kind);
      await control.attach(domid, name, device);
      list.push(name);
    } catch (error) {
      problems.push(problemOf(error));
    }
  };
  const has = (path: string) => control.read(`/libxl/${domid}/device/${path}`) !== undefined;
  for (const disk of disks) {
    if (has(`vbd/${diskNumber(disk.vdev)}`)) continue;
    await attach(got.disk, disk.vdev, diskDevice(disk));
  }
  for (const [index, vif] of vifs.entries()) {
    if (has(`vif/${index}`)) continue;
    await attach(got.vif, vif.vifname ?? `vif${domid}.${index}`, nicDevice(vif, index));
  }
  const present = pciDevices(domid, control);
  for (const address of pci) {
    if (!present.has(address)) await attach(got.pci, address, pciDevice(address));
  }
  const [problem] = problems;
  return { got, ...(problem === undefined ? {} : { problem }) };
}

/** More than libxl gives one domain. */
const MOST_PCI = 256;

/** The PCI devices that a domain has, as libxl notes them for the back end (libxl__create_pci_backend). */
function pciDevices(domid: number, control: Pick<ControlDomain, 'read'>): Set<string> {
  const backend = `/local/domain/0/backend/pci/${domid}/0`;
  const count = Math.min(Number(control.read(`${backend}/num_devs`) ?? 0), MOST_PCI);
  const devices = Array.from({ length: count }, (_, index) =>
    control.read(`${backend}/dev-${index}`),
  );
  return new Set(devices.filter((device) => device !== undefined));
}
