import type { Transport } from 'node-tpm2-pts';
import type { Hypervisor } from '../../bindings/hypervisor.ts';
import { limitGrowth } from '../../bindings/memory-limit.ts';
import { BootFailure } from '../../daemon/plan/failure.ts';
import type { Machine } from '../../daemon/run/machine.ts';

export interface FakeMachine extends Machine {
  /** What the daemon did to the machine, in order. */
  readonly deeds: string[];
}

/** A machine with a given TPM and hypervisor, and files in memory. */
export function fakeMachine(parts: {
  files: ReadonlyMap<string, Uint8Array | string>;
  openTpm: () => Promise<Transport>;
  hypervisor: Hypervisor;
  logDirectory: string;
  firmwareLog?: Buffer | undefined;
  /** Words of physical memory, by their address. */
  memory?: ReadonlyMap<number, number> | undefined;
}): FakeMachine {
  const deeds: string[] = [];
  const read = (path: string) => {
    const data = parts.files.get(path);
    if (data === undefined)
      throw new BootFailure(`${path}: no such file in the boot image`, 'build it again');
    deeds.push(`read ${path}`);
    return Buffer.from(data as Uint8Array);
  };
  return {
    deeds,
    logDirectory: parts.logDirectory,
    mountFilesystems: () => ['/proc'],
    loadModule: (path) => void deeds.push(`load ${path}`),
    readFile: async (path) => read(path),
    takeFile: (path) => read(path),
    openTpm: () => parts.openTpm(),
    firmwareLog: async () => parts.firmwareLog,
    async systemFile(path) {
      const data = parts.files.get(path);
      return data === undefined ? undefined : Buffer.from(data as Uint8Array);
    },
    physicalMemory: () => ({
      word: (address) => parts.memory?.get(address) ?? 0xffff_ffff,
      close: () => void deeds.push('close memory'),
    }),
    releaseTpm: () => void deeds.push('release TPM'),
    // The processes of scripts are real ones.
    limitGrowth,
    openHypervisor: async () => parts.hypervisor,
    end: (how) => void deeds.push(how),
  };
}
