import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';
import { IntroductionError } from './introduction-error.ts';
import type { BootDomain } from './record.ts';

const execute = promisify(execFile);

/** Where the driver shows itself that holds devices for other domains. */
const pciback = '/sys/bus/pci/drivers/pciback';

/** Runs a program of dom0 and gives what it printed. */
export type Run = (command: string, ...args: string[]) => Promise<string>;

/** @throws IntroductionError with what the program said */
export const runTool: Run = async (command, ...args) => {
  try {
    return (await execute(command, args)).stdout;
  } catch (error) {
    const said = (error as { stderr?: string }).stderr?.trim() || (error as Error).message;
    throw new IntroductionError(
      `${[command, ...args].join(' ')}: ${said}`,
      "see also Xen's console: FLASK says there what it refuses",
    );
  }
};

/**
 * Attaches the domain's PCI devices with Xen's stock tools, those that it does not have yet, and says which.
 * @param holdsDevices whether the driver for that is there
 */
export async function attachDevices(
  { domid, pci }: BootDomain,
  run: Run = runTool,
  holdsDevices: () => boolean = () => existsSync(pciback),
): Promise<string[]> {
  if (pci.length === 0) return [];
  if (!holdsDevices()) await run('modprobe', 'xen-pciback');
  const present = addresses(await run('xl', 'pci-list', String(domid)));
  const missing = pci.filter((device) => !present.has(device));
  const assignable = addresses(await run('xl', 'pci-assignable-list'));
  for (const device of missing) {
    if (!assignable.has(device)) await run('xl', 'pci-assignable-add', device);
    await run('xl', 'pci-attach', String(domid), device);
  }
  return missing;
}

const addresses = (text: string): Set<string> =>
  new Set(text.match(/[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]/g));
