import type { Transport } from 'node-tpm2-pts';
import type { Hypervisor } from '../../bindings/hypervisor.ts';
import { BootFailure } from '../../daemon/failure.ts';
import type { Machine } from '../../daemon/machine.ts';

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
}): FakeMachine {
  const deeds: string[] = [];
  return {
    deeds,
    logDirectory: parts.logDirectory,
    mountFilesystems: () => ['/proc'],
    loadModule: (path) => void deeds.push(`load ${path}`),
    async readFile(path) {
      const data = parts.files.get(path);
      if (data === undefined)
        throw new BootFailure(`${path}: no such file in the boot image`, 'build it again');
      deeds.push(`read ${path}`);
      return Buffer.from(data as Uint8Array);
    },
    openTpm: () => parts.openTpm(),
    firmwareLog: async () => parts.firmwareLog,
    releaseTpm: () => void deeds.push('release TPM'),
    openHypervisor: async () => parts.hypervisor,
    end: (how) => void deeds.push(how),
  };
}
